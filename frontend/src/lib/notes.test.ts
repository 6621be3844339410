import { expect, test } from "vitest";
import { withNote, type Note } from "./notes";

const note = (id: number, tone: Note["tone"], text = ""): Note => ({ id, title: "", text, tone });
const ids = (notes: readonly Note[]) => notes.map(({ id }) => id);

test("news of the same takes the place of the last", () => {
  const notes = withNote([note(1, "busy", "asked"), note(2, "good")], note(1, "good", "done"), 4);
  expect(notes.map(({ id, text }) => [id, text])).toEqual([
    [2, ""],
    [1, "done"],
  ]);
});

test("the oldest go, but not what still waits, nor what is new", () => {
  const notes = [note(1, "busy"), note(2, "bad"), note(3, "good")];
  expect(ids(withNote(notes, note(4, "good"), 3))).toEqual([1, 3, 4]);
  const waiting = [1, 2, 3].map((id) => note(id, "busy"));
  expect(ids(withNote(waiting, note(4, "bad"), 3))).toEqual([1, 2, 3, 4]);
});
