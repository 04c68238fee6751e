/** Asks for each item, in order, and calls `done` when the last answer has come. */
export function gather<T, A>(
  items: readonly T[],
  ask: (item: T, answer: (answer: A) => void) => void,
  done: (answers: readonly A[]) => void,
): void {
  const answers: A[] = [];
  let missing = items.length;
  if (missing === 0) done(answers);
  for (const [at, item] of items.entries()) {
    ask(item, (answer) => {
      answers[at] = answer;
      missing -= 1;
      if (missing === 0) done(answers);
    });
  }
}
