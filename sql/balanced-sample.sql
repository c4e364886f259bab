-- A sample with the same number of images of each class, the same each time
-- $per_class INTEGER = 10: images of each class, if it has enough
-- $seed INTEGER = 0: another number gives another sample
SELECT *
FROM images
WHERE image_status = 'ok'
QUALIFY row_number() OVER (PARTITION BY masterCategory ORDER BY hash(id, $seed), id) <= $per_class
ORDER BY masterCategory, id;
