/** Adapt and predict as a test asks for; Node imports this, and the page is given its text. */
export default async (Bundle, ort, read, { examples, labels, missing, queries, knownLabels, repeats }) => {
  const bundle = await Bundle.open(read, ort);
  let task;
  const milliseconds = [];
  for (let turn = 0; turn < repeats; turn++) {
    task = await bundle.adapt(examples, { labels: labels ?? undefined, missing });
    milliseconds.push(task.report.adaptMs);
  }
  const { lossBefore, lossAfter, steps } = task.report;
  return {
    labels: task.labels,
    thresholds: task.thresholds,
    probabilities: await task.predict(queries, knownLabels ?? undefined),
    losses: [lossBefore, lossAfter],
    steps,
    weights: Object.fromEntries(Object.entries(task.weights).map(([name, { data }]) => [name, [...data]])),
    task: [...task.taughtFile()],
    milliseconds,
  };
};
