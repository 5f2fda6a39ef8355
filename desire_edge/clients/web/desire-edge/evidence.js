/** Whether examples help: a fifth of them at a time is left out and predicted from the others. csrc/core/held_out.cpp. */

const FOLDS = 5;
const LEAST_POSITIVES = 4; // a label, on average: of fewer, leaving one out leaves too little
const MOST_WORK = 2e7; // in S² N

/**
 * The mean cross-entropy of what is left out; null where there are too few examples to tell, or too many to try.
 *
 * `targets` and `mask` are [S, N]; `logitsFrom(mask)` learns from what the mask leaves and gives logits [S, N].
 */
export async function heldOutLoss(targets, mask, labels, logitsFrom) {
  const examples = labels && mask.length / labels;
  if (sum(targets, mask) < LEAST_POSITIVES * labels || examples * examples * labels > MOST_WORK) return null;
  let total = 0;
  for (let fold = 0; fold < FOLDS; fold++) {
    const isOut = (at) => Math.floor(at / labels) % FOLDS === fold;
    const logits = await logitsFrom(mask.map((known, at) => (isOut(at) ? 0 : known)));
    logits.forEach((logit, at) => (total += isOut(at) ? mask[at] * crossEntropy(logit, targets[at]) : 0));
  }
  return total / sum(mask, mask);
}

/** A sentence where names alone, or how many examples carry each label, tell more than the examples do. */
export function helplessWarning(heldOut, byName, targets, mask, labels) {
  if (heldOut === null) return [];
  let total = 0;
  for (let column = 0; column < labels; column++) {
    const isHere = mask.map((known, at) => (at % labels === column ? known : 0));
    const known = sum(isHere, isHere);
    total += known && known * entropy(sum(targets, isHere) / known);
  }
  const byShare = total / sum(mask, mask);
  if (heldOut <= Math.min(byName, byShare)) return [];
  return [
    `the examples do not help: each is predicted from the others with a loss of ${heldOut.toFixed(2)}, from the labels' ` +
      `names alone with ${byName.toFixed(2)}, and from how many carry each label with ${byShare.toFixed(2)}; look for ` +
      "examples with wrong labels, or give more",
  ];
}

function sum(values, weights) {
  return values.reduce((total, value, at) => total + value * weights[at], 0);
}

function crossEntropy(logit, target) {
  return Math.max(logit, 0) + Math.log1p(Math.exp(-Math.abs(logit))) - target * logit;
}

function entropy(share) {
  const p = Math.min(Math.max(share, 1e-12), 1 - 1e-12);
  return -(p * Math.log(p) + (1 - p) * Math.log1p(-p));
}
