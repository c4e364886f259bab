-- How many rows lack a value, by column
WITH missing AS (
  UNPIVOT (
    SELECT
      count(*) FILTER (gender IS NULL) AS gender,
      count(*) FILTER (masterCategory IS NULL) AS masterCategory,
      count(*) FILTER (subCategory IS NULL) AS subCategory,
      count(*) FILTER (articleType IS NULL) AS articleType,
      count(*) FILTER (baseColour IS NULL) AS baseColour,
      count(*) FILTER (season IS NULL) AS season,
      count(*) FILTER (year IS NULL) AS year,
      count(*) FILTER (usage IS NULL) AS usage,
      count(*) FILTER (productDisplayName IS NULL) AS productDisplayName,
      count(*) FILTER (image_status <> 'ok') AS image
    FROM images
  ) ON COLUMNS(*) INTO NAME column_name VALUE missing_rows
)
SELECT column_name, missing_rows, round(100 * missing_rows / (SELECT count(*) FROM images), 3) AS percent
FROM missing
ORDER BY missing_rows DESC, column_name;
