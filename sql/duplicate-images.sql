-- Products that share one image, byte for byte
-- $least INTEGER = 2: minimum number of products that share it
SELECT image_sha256, count(*) AS products, list(id ORDER BY id) AS ids, list(DISTINCT articleType ORDER BY articleType) AS articles
FROM images
WHERE image_sha256 IS NOT NULL
GROUP BY image_sha256
HAVING count(*) >= $least
ORDER BY products DESC, ids;
