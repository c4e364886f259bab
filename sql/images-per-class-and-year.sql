-- Images per class and year
SELECT masterCategory AS class, year, count(*) AS images
FROM images
GROUP BY ALL
ORDER BY class NULLS LAST, year NULLS LAST;
