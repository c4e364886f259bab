-- What boys and girls wear, by article
SELECT gender, articleType AS article, count(*) AS images
FROM images
WHERE gender IN ('Boys', 'Girls') AND masterCategory = 'Apparel'
GROUP BY ALL
ORDER BY images DESC, gender, article;
