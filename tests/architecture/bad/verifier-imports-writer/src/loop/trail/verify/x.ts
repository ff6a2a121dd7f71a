import { y } from '../store.ts';
