-- Images of each article type, the most frequent first
-- $top INTEGER = 25: number of article types
SELECT masterCategory AS class, articleType AS article, count(*) AS images
FROM images
GROUP BY ALL
ORDER BY images DESC, article
LIMIT $top;
