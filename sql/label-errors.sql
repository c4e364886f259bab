-- Products whose stated gender the model doubts most: often the label is wrong; needs a run named labelled
SELECT id, productDisplayName, gender, pred_gender, round(pred_gender_score, 3) AS score, source_key
FROM runs.labelled
WHERE pred_gender <> gender
ORDER BY pred_gender_score DESC, id
LIMIT 20;
