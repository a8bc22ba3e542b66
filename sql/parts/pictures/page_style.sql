/*
 * The look of a page: one style for screen, phone, dark and paper.
 *
 * Colours are told apart by people who see no red or green, and stand out from
 * their ground by 4.5 to 1 where they are text and by 3 to 1 where they are shapes.
 * Nothing is told by colour alone.  ASCII only: no reference is read in a style.
 */
CREATE OR REPLACE FUNCTION ordersync.page_style()
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN $style$
:root{color-scheme:light dark;--ground:#f4f5f7;--card:#fff;--text:#1c2128;--soft:#59636e;--line:#dde1e6;--axis:#8a939d;--main:#0067a8;--track:#e6ebf0;--other:#b8470b;--weak:#a9cfe8;--weak-text:#10324a;--warn:#f1d279;--warn-text:#3f3000;--on:#fff}
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--text);font:14px/1.45 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue","PingFang SC","Hiragino Sans GB","Microsoft YaHei","Noto Sans CJK SC","Noto Sans SC",sans-serif;font-variant-numeric:tabular-nums;-webkit-text-size-adjust:100%}
main{max-width:1120px;margin:0 auto;padding:24px 16px;display:grid;grid-template-columns:repeat(2,minmax(0,1fr));gap:16px}
header,footer,.wide{grid-column:1/-1}
h1{font-size:24px;line-height:1.2;margin:0 0 6px;overflow-wrap:anywhere}
h2{font-size:15px;line-height:1.3;margin:0 0 10px}
h3{font-size:13px;line-height:1.3;margin:0 0 6px;font-weight:600}
p{margin:0 0 4px}
.soft,footer,.note{color:var(--soft)}
.note{font-size:12px;margin:0 0 12px}
footer{font-size:12px}
.card{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:16px;min-width:0}
.tiles{display:grid;grid-template-columns:repeat(4,minmax(0,1fr));gap:16px;margin:0}
.tiles div{min-width:0}
.tiles dt{color:var(--soft);font-size:12px}
.tiles dd{margin:0;font-size:12px;overflow-wrap:anywhere}
.tiles .value{font-size:21px;line-height:1.3;font-weight:600}
.tiles .soft{display:block}
.better{color:var(--main);font-weight:600}
.worse{color:var(--other);font-weight:600}
.same{color:var(--soft)}
.legend{display:flex;flex-wrap:wrap;gap:4px 18px;margin:0 0 14px;padding:0;list-style:none;font-size:12px;color:var(--soft)}
.legend li{display:flex;align-items:center;gap:6px}
.legend svg{flex:none}
.chart{display:grid;grid-template-columns:auto minmax(0,1fr);padding-top:7px}
.chart>svg{display:block;width:100%;height:200px}
.y{display:flex;flex-direction:column;justify-content:space-between;padding-right:8px;text-align:right}
.y span{height:0;line-height:0}
.y,.x{font-size:11px;color:var(--soft);white-space:nowrap}
.x{grid-column:2;position:relative;height:24px}
.x span{position:absolute;top:7px;line-height:16px;transform:translateX(-50%)}
.g,.b{stroke:var(--line);stroke-width:1;vector-effect:non-scaling-stroke}
.b{stroke:var(--axis)}
.main{fill:var(--main)}
.other{fill:var(--other)}
.edge{fill:none;stroke:var(--card);stroke-width:3.5;vector-effect:non-scaling-stroke;stroke-linejoin:round}
.before{fill:none;stroke:var(--other);stroke-width:2;vector-effect:non-scaling-stroke;stroke-linejoin:round}
.bar{display:block;width:100%;height:10px}
.track{fill:var(--track)}
.mark{fill:var(--text)}
.steps{margin:0;padding:0;list-style:none}
.steps li{margin:0 0 14px}
.steps .head{display:flex;justify-content:space-between;gap:12px;margin-bottom:4px}
.steps .bar{height:18px}
.steps .stay{font-size:12px;color:var(--soft);margin-top:3px}
table{width:100%;border-collapse:collapse}
caption{text-align:left;color:var(--soft);font-size:12px;padding-bottom:6px}
th,td{padding:5px 0 5px 14px;text-align:right;vertical-align:top;border-bottom:1px solid var(--line);white-space:nowrap}
th{font-size:12px;font-weight:600;color:var(--soft);vertical-align:bottom}
tbody tr:last-child>*{border-bottom:0}
tr>:first-child{padding-left:0}
.l{text-align:left;white-space:normal}
tbody th{font-weight:400;font-size:14px;color:var(--text);vertical-align:top}
.name{max-width:0;width:45%;overflow:hidden}
.name bdi{display:-webkit-box;-webkit-box-orient:vertical;-webkit-line-clamp:2;overflow:hidden;overflow-wrap:anywhere}
.name .soft{display:block;font-size:12px}
.barred{width:24%}
.barred .bar{margin-top:5px}
details{margin-top:12px}
summary{cursor:pointer;color:var(--soft);font-size:12px}
details>div{overflow-x:auto;margin-top:8px;font-size:12px}
details tbody th{font-size:12px}
.streams{display:grid;grid-template-columns:repeat(2,minmax(0,1fr));gap:0 24px}
.months{display:flex;flex-wrap:wrap;gap:14px 16px;margin-bottom:16px}
.months svg{display:block;max-width:100%}
.months text{font:11px system-ui,-apple-system,"Segoe UI",Roboto,"PingFang SC","Microsoft YaHei","Noto Sans CJK SC",sans-serif;text-anchor:middle;fill:var(--text)}
.months .m0{text-anchor:start;font-weight:600;font-size:12px}
.months .w{fill:var(--soft)}
.proven{fill:var(--main)}.months .t-proven{fill:var(--on)}
.counted{fill:var(--weak)}.months .t-counted{fill:var(--weak-text)}
.unproven{fill:var(--warn)}.months .t-unproven{fill:var(--warn-text)}
.fresh{fill:none;stroke:var(--main);stroke-width:1.5}
.short{fill:var(--other)}.months .t-short{fill:var(--on);font-weight:700}
.notch{fill:var(--on)}
.unread{fill:none;stroke:var(--axis);stroke-dasharray:2 2}.months .t-unread{fill:var(--soft)}
.empty{color:var(--soft);margin:8px 0 0}
@media (prefers-color-scheme:dark){:root{--ground:#0f1317;--card:#171c22;--text:#e6eaee;--soft:#a2acb7;--line:#2c343d;--axis:#77828e;--main:#57abe2;--track:#262e37;--other:#ee8449;--weak:#21506f;--weak-text:#e2f1fb;--warn:#8a6d14;--warn-text:#fff5d6;--on:#0b1015} }
@media (max-width:960px){.items{grid-column:1/-1} }
@media (max-width:640px){main{grid-template-columns:minmax(0,1fr);padding:16px 10px;gap:10px}.card{padding:14px 12px}.tiles{grid-template-columns:repeat(2,minmax(0,1fr));gap:14px 12px}.tiles .value{font-size:18px}.chart>svg{height:170px}.few{display:none}.streams{grid-template-columns:minmax(0,1fr)}h1{font-size:21px}th,td{padding-left:10px} }
@page{margin:12mm}
@media print{:root{color-scheme:light;--ground:#fff;--card:#fff;--text:#000;--soft:#444;--line:#ccc;--axis:#777;--main:#0067a8;--track:#e6ebf0;--other:#b8470b;--weak:#a9cfe8;--weak-text:#10324a;--warn:#f1d279;--warn-text:#3f3000;--on:#fff}*{-webkit-print-color-adjust:exact;print-color-adjust:exact}body{font-size:11px}main{max-width:none;padding:0;gap:10px}.card{padding:10px;break-inside:avoid}.card.long{break-inside:auto}tr,.months svg,.steps li{break-inside:avoid}h2{break-after:avoid}.chart>svg{height:150px}.tiles .value{font-size:16px}details:not([open]){display:none}th,td{padding:2px 0 2px 12px}th,tbody th,caption,.note,.name .soft,.steps .stay,.legend{font-size:10px}.barred .bar{margin-top:2px;height:6px}.steps li{margin-bottom:8px}.note,.legend{margin-bottom:8px} }
$style$;
COMMENT ON FUNCTION ordersync.page_style() IS
	'the style sheet of a page';
