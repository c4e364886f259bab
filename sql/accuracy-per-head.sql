-- How often fashion-tiny is right, on rows it was not trained on (ids that end in 7)
-- $run TABLE = runs.labelled: a run of the model over all images
UNPIVOT (
  SELECT
    avg(CAST(pred_masterCategory = masterCategory AS INTEGER)) AS masterCategory,
    avg(CAST(pred_subCategory = subCategory AS INTEGER)) AS subCategory,
    avg(CAST(pred_articleType = articleType AS INTEGER)) AS articleType,
    avg(CAST(pred_baseColour = baseColour AS INTEGER)) AS baseColour,
    avg(CAST(pred_gender = gender AS INTEGER)) AS gender,
    avg(CAST(pred_season = season AS INTEGER)) AS season,
    avg(CAST(pred_usage = usage AS INTEGER)) AS usage
  FROM $run
  WHERE id % 10 = 7
) ON COLUMNS(*) INTO NAME head VALUE accuracy;
