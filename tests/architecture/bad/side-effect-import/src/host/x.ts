import './y.ts';
