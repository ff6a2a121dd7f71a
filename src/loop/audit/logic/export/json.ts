/** One JSON document in pieces: a large list in it is written as it comes, so that nobody holds all of it. */
export async function* jsonDocument(
  head: object,
  list: { name: string; items: AsyncIterable<object> | Iterable<object> },
  tail: () => object = () => ({}),
): AsyncGenerator<string> {
  const inside = (part: object): string => JSON.stringify(part).slice(1, -1);
  const before = inside(head);
  yield `{${before}${before === '' ? '' : ','}${JSON.stringify(list.name)}:[`;
  let isFirst = true;
  for await (const item of list.items) {
    yield `${isFirst ? '\n' : ',\n'}${JSON.stringify(item)}`;
    isFirst = false;
  }
  const after = inside(tail());
  yield `\n]${after === '' ? '' : ','}${after}}\n`;
}

const PIECE = 65_536;

/** Small pieces together: a stream takes few large ones sooner than many small. */
export async function* gathered(pieces: AsyncIterable<string> | Iterable<string>): AsyncGenerator<string> {
  let held = '';
  for await (const piece of pieces) {
    held += piece;
    if (held.length < PIECE) continue;
    yield held;
    held = '';
  }
  if (held !== '') yield held;
}
