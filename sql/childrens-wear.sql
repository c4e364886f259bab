-- What boys and girls wear, by article
-- $class TEXT = Apparel: the masterCategory
SELECT gender, articleType AS article, count(*) AS images
FROM images
WHERE gender IN ('Boys', 'Girls') AND masterCategory = $class
GROUP BY ALL
ORDER BY images DESC, gender, article;
