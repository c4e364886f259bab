-- Images of each season by usage
SELECT
  season,
  count(*) AS images,
  count(*) FILTER (usage = 'Casual') AS casual,
  count(*) FILTER (usage = 'Sports') AS sports,
  count(*) FILTER (usage = 'Formal') AS formal,
  count(*) FILTER (usage = 'Ethnic') AS ethnic,
  count(*) FILTER (usage IS NULL OR usage NOT IN ('Casual', 'Sports', 'Formal', 'Ethnic')) AS other
FROM images
GROUP BY season
ORDER BY images DESC, season;
