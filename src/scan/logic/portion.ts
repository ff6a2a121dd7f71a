import { permutation } from './permutation.ts';

/** Pairs of a few addresses and some ports in an order that the seed gives: who goes on elsewhere goes on in the same. */
export interface PortionOrder {
  pairs: number;
  pairAt(index: number): { address: string; port: number };
}

export function portionOrder(addresses: readonly string[], ports: readonly number[], seed: number): PortionOrder {
  const pairs = addresses.length * ports.length;
  const order = permutation(pairs, seed);
  return {
    pairs,
    pairAt: (index) => {
      const place = order(index);
      return { address: addresses[Math.floor(place / ports.length)]!, port: ports[place % ports.length]! };
    },
  };
}
