-- Men's shoes from the years after a given one
-- $year INTEGER = 2012: the last excluded year
SELECT *
FROM images
WHERE gender = 'Men' AND subCategory = 'Shoes' AND year > $year
ORDER BY year, id;
