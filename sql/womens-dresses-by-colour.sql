-- Women's dresses of a season, counted by colour
-- $season TEXT = Summer: Spring, Summer, Fall or Winter
SELECT baseColour AS colour, count(*) AS dresses
FROM images
WHERE gender = 'Women' AND articleType = 'Dresses' AND season = $season
GROUP BY colour
ORDER BY dresses DESC, colour;
