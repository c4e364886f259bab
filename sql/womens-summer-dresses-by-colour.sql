-- Women's summer dresses, counted by colour
SELECT baseColour AS colour, count(*) AS dresses
FROM images
WHERE gender = 'Women' AND articleType = 'Dresses' AND season = 'Summer'
GROUP BY colour
ORDER BY dresses DESC, colour;
