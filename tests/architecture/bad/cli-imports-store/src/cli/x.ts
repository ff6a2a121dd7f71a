import { y } from '../loop/trail/store.ts';
