/** Ids are long: the end of one stands for it, from so many characters on. */
export const LEAST_OF_ID = 6;
