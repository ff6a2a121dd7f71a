import { y } from '../change/index.ts';
