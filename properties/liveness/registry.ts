/** Ids of what is judged after the heal, in the order of the catalogue. */
export const livenessInvariants: readonly string[] = [
  "L1",
  "L2",
  "L3",
  "L4",
  "L5",
  "L6",
  "L9",
  "L11",
  "L12",
];
