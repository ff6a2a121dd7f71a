/**
 * Which of these hosts get the names they want, when all are renamed at once: those whose names nobody keeps. Two that
 * swap names get them; of two that want one name, the first does.
 */
export function settledNames(
  wanted: ReadonlyMap<string, string>,
  taken: ReadonlyMap<string, readonly string[]>,
): Map<string, string> {
  const given = new Map<string, string>();
  const used = new Set<string>();
  for (const [id, name] of wanted) {
    if (used.has(name)) continue;
    used.add(name);
    given.set(id, name);
  }
  // Whoever does not get a name keeps its own, which then another cannot have.
  for (let left = -1; left !== given.size;) {
    left = given.size;
    for (const [id, name] of given) {
      if ((taken.get(name) ?? []).some((holder) => holder !== id && !given.has(holder))) given.delete(id);
    }
  }
  return given;
}
