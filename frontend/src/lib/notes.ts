/** Notices at the edge of the screen. */

export interface Note {
  id: number;
  title: string;
  text: string;
  tone: "busy" | "good" | "bad";
  hash?: `0x${string}`;
}

/** With `note`, in the place of the last news of the same; of more than `most` the oldest go that wait for nothing. */
export function withNote(notes: readonly Note[], note: Note, most: number): readonly Note[] {
  const all = [...notes.filter(({ id }) => id !== note.id), note];
  const spare = all.filter((each) => each.tone !== "busy" && each !== note);
  const gone = new Set(spare.slice(0, Math.max(0, all.length - most)));
  return all.filter((each) => !gone.has(each));
}
