-- Products whose stated gender the model doubts most: often the label is wrong
-- $run TABLE = runs.labelled: a run of fashion-tiny
-- $top INTEGER = 20: number of products
SELECT id, productDisplayName, gender, pred_gender, round(pred_gender_score, 3) AS score, source_key
FROM $run
WHERE pred_gender <> gender
ORDER BY pred_gender_score DESC, id
LIMIT $top;
