-- How even the labels are: 1 if all values of a column are equally frequent, near 0 if one value has nearly all rows
WITH labels AS (
  UNPIVOT (SELECT gender, masterCategory, subCategory, articleType, baseColour, season, usage FROM images)
  ON COLUMNS(*) INTO NAME label VALUE value
), counts AS (
  SELECT label, value, count(*) AS images
  FROM labels
  GROUP BY ALL
), shares AS (
  SELECT *, images / sum(images) OVER (PARTITION BY label) AS share
  FROM counts
)
-- Shannon's entropy divided by its maximum for this number of values
SELECT
  label,
  count(*) AS distinct_values,
  arg_max(value, images) AS most_frequent,
  round(max(share), 4) AS its_share,
  min(images) AS images_of_rarest,
  round(coalesce(-sum(share * ln(share)) / nullif(ln(count(*)), 0), 0), 4) AS evenness
FROM shares
GROUP BY label
ORDER BY evenness, label;
