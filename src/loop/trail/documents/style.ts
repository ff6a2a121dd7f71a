/** The one style sheet of all documents: system fonts, two palettes, and a print form with wide tables made narrow. */
export const STYLE = `
:root{--ink:#1c1917;--soft:#57534e;--line:#d6d3d1;--paper:#fffdfa;--shade:#f5f2ed;--good:#166534;--bad:#b91c1c;--warn:#92400e;--link:#9a3412}
@media (prefers-color-scheme:dark){:root{--ink:#ebe7e2;--soft:#a8a29e;--line:#44403c;--paper:#191614;--shade:#242019;--good:#86efac;--bad:#fca5a5;--warn:#fcd34d;--link:#fdba74}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",sans-serif}
main{max-width:70rem;margin:0 auto;padding:2.5rem 1.25rem 4rem}
header{border-bottom:3px solid var(--ink);margin-bottom:2rem;padding-bottom:1rem}
.label{margin:0;color:var(--soft);text-transform:uppercase;letter-spacing:.08em;font-size:.8rem;font-weight:600}
h1{margin:.2rem 0 .6rem;font-size:2rem;line-height:1.2;text-wrap:balance;overflow-wrap:anywhere}
h2{margin:2.4rem 0 .8rem;font-size:1.3rem;line-height:1.3}
h3{margin:1.4rem 0 .4rem;font-size:1rem}
.lead{margin:0;font-size:1.1rem;max-width:46rem}
.badge{display:inline-block;border:1.5px solid currentColor;border-radius:1rem;padding:0 .7rem;font-size:.9rem;font-weight:650}
.good{color:var(--good)}.bad{color:var(--bad)}.warn{color:var(--warn)}.quiet{color:var(--soft)}
dl{display:grid;grid-template-columns:minmax(8rem,14rem) 1fr;gap:.35rem 1.25rem;margin:0}
dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}
.wide{overflow-x:auto;margin:.6rem 0}
table{border-collapse:collapse;width:100%;font-size:.88rem;font-variant-numeric:tabular-nums}
th,td{text-align:left;vertical-align:top;padding:.45rem .7rem .45rem 0;border-bottom:1px solid var(--line);min-width:5.5rem;overflow-wrap:anywhere}
th{color:var(--soft);font-weight:600;border-bottom:2px solid var(--line)}
code,pre{font:.86em/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;overflow-wrap:anywhere}
pre{background:var(--shade);padding:.8rem 1rem;border-radius:.4rem;white-space:pre-wrap;margin:.4rem 0}
a{color:var(--link)}a.cite{font-size:.8em;font-variant-numeric:tabular-nums;text-decoration:none;white-space:nowrap}
.timeline{list-style:none;margin:0;padding:0 0 0 1rem;border-left:2px solid var(--line)}
.timeline li{padding:.25rem 0;overflow-wrap:anywhere}
.timeline time{color:var(--soft);font-size:.85rem;font-variant-numeric:tabular-nums;margin-right:.5rem}
.timeline small{color:var(--soft)}
details summary{cursor:pointer;white-space:nowrap}
.proof{border-top:1px solid var(--line);margin-top:3rem}
:target{background:var(--shade);outline:2px solid var(--link)}
@media (max-width:40rem){dl{grid-template-columns:1fr;gap:0}dd{margin-bottom:.5rem}h1{font-size:1.6rem}table:has(th:nth-child(4)){min-width:46rem}}
@media print{:root{--ink:#000;--soft:#444;--line:#bbb;--paper:#fff;--shade:#f3f3f3;--good:#14532d;--bad:#991b1b;--warn:#78350f;--link:#000}
body{font-size:10pt}main{max-width:none;padding:0}.wide{overflow:visible}table{font-size:8pt}th,td{min-width:0;padding-right:.4rem}
h2,h3,thead{break-after:avoid}tr,li{break-inside:avoid}thead{display:table-header-group}@page{margin:16mm}}
`;
