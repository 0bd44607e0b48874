// What a change did to the class it was about and to all others, in sentences.

import { count, percent } from "./words.js";

const SAME = 0.005; // of a score; less is not shown

/** Of a lesson, or of any other change: what was done. */
export function doneWords(answer) {
  if (answer.did) return answer.did;
  const {
    label,
    examples,
    is_new_class,
    before: [was, wasScore],
    after: [now, nowScore],
    source,
    id,
    known,
    later = [],
  } = answer;
  if (known) return `Taught already: this sound (${source}) is example ${id} of ${label}. Nothing was changed.`;
  return (
    `${label} is learned${is_new_class ? " as a new class" : ""}, from ${count(examples, "example")} now. ` +
    `This sound (${source}) was called ${was} (${percent(wasScore)} sure) and is called ${now} ` +
    `(${percent(nowScore)}) from here on.` +
    later.map((one) => ` A quieter sound came after it and was not taken: ${one}.`).join("")
  );
}

/** On the other classes; empty where nothing was measured. */
export function effectWords({ effect, known }) {
  if (!effect || known) return "";
  const { checked, right_before, right_after, renamed, own_before, own_after, most_label, most } = effect;
  if (!most_label) return "There are no other classes.";
  const words = [
    Math.abs(own_after - own_before) < SAME
      ? `The other classes hold: their own examples score ${own_after.toFixed(2)} on average, as before`
      : `The other classes' own examples score ${own_after.toFixed(2)} on average (${own_before.toFixed(2)} before)`,
  ];
  if (Math.abs(most) >= SAME)
    words[0] += `; ${most_label} changed most (${most > 0 ? "+" : "−"}${Math.abs(most).toFixed(2)})`;
  if (checked) words.push(`${right_after} of ${checked} that were taught are called right (${right_before} before)`);
  for (const [label, before, after] of renamed.slice(0, 3))
    words.push(`One of ${label} was called ${before} and would now be ${after}`);
  return `${words.join(". ")}.`;
}
