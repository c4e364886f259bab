-- How a run cropped: share of each side that was kept, and how often it flipped
-- $run TABLE = runs.labelled: the run, as runs.<name>
SELECT
  count(*) AS images,
  round(min(crop_width / source_width), 4) AS least_width,
  round(avg(crop_width / source_width), 4) AS mean_width,
  round(max(crop_width / source_width), 4) AS most_width,
  round(min(crop_height / source_height), 4) AS least_height,
  round(avg(crop_height / source_height), 4) AS mean_height,
  round(max(crop_height / source_height), 4) AS most_height,
  round(avg(CAST(flipped AS INTEGER)), 4) AS flipped
FROM $run;
