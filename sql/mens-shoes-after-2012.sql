-- Men's shoes from the years after 2012
SELECT *
FROM images
WHERE gender = 'Men' AND subCategory = 'Shoes' AND year > 2012
ORDER BY year, id;
