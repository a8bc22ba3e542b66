// Rival: a Node program with pg and undici, as its author would make it: 8 connections, a page a transaction, prepared statements.
//
//   node node.mjs MODULES SPEC
//
// MODULES is the folder where npm installed pg and undici; SPEC a JSON file: database, gateway, windows to read, columns. Form:
//   parse  records are parsed here, columns sent as typed arrays and spread by unnest; the whole records as the body that came
//   post   the body goes to the database, which does the rest (rival.store, the function of the SQL rival)
//   rows   parsed here, an INSERT a row
// It calls the platform itself. Says "ready PIDS" with its connections' backends and obeys lines: "warm" loads the first windows,
// so that its code is compiled as that of a program that runs all day; "load" loads all; "end" ends. After each load it says
// "done CALLS". Who measures it reads the processes' times in between.

import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';

const require = createRequire(process.argv[2] + '/');
const pg = require('pg');
const undici = require('undici');
const spec = JSON.parse(readFileSync(process.argv[3], 'utf8'));

// --- the platform ---

const gateway = new undici.Pool(spec.origin, { connections: spec.connections });
const clock = new Intl.DateTimeFormat('sv-SE', { timeZone: 'Asia/Shanghai', dateStyle: 'short', timeStyle: 'medium' });

async function call(parameters) {
	const p = { app_key: spec.key, format: 'json', v: '2.0', sign_method: 'hmac-sha256', timestamp: clock.format(new Date()), ...parameters };
	const text = Object.keys(p).sort().map((k) => k + p[k]).join('');
	p.sign = createHmac('sha256', spec.secret).update(text).digest('hex').toUpperCase();
	const answer = await gateway.request({
		path: '/router/rest', method: 'POST', headers: { 'content-type': 'application/x-www-form-urlencoded' },
		body: new URLSearchParams(p).toString(),
	});
	return answer.body.text();
}

// --- rows from records ---

// JSON numbers lose digits beyond 2^53: ids become text before they are parsed.
const parse = (body) => JSON.parse(body.replace(/"(tid|oid|bind_oid|refund_id|num_iid|sku_id|alipay_id)":(\d{16,})/g, '"$1":"$2"'));

const unpaid = new Set(['WAIT_BUYER_PAY', 'TRADE_NO_CREATE_PAY', 'TRADE_CLOSED_BY_TAOBAO']);
const now = () => new Date().toISOString();
const linesOf = (o) => o.orders?.order ?? [];

const derived = {
	orders: {
		shop_id: () => 1, platform: () => 'taobao', paid_at: (o) => (unpaid.has(o.status) ? null : o.pay_time),
		paid_amount: (o) => (unpaid.has(o.status) ? null : o.payment), platform_state: () => 'listed', first_seen_at: now, synced_at: now,
		gmv: (o) => (linesOf(o).reduce((sum, l) => sum + Math.round(l.price * 100) * l.num, 0) / 100).toFixed(2),
		line_count: (o) => linesOf(o).length, item_num: (o) => linesOf(o).reduce((sum, l) => sum + l.num, 0),
		logistics_company: (o) => linesOf(o).find((l) => l.logistics_company)?.logistics_company,
		invoice_no: (o) => linesOf(o).find((l) => l.invoice_no)?.invoice_no,
		package_count: (o) => new Set(linesOf(o).map((l) => l.invoice_no).filter(Boolean)).size,
	},
	sub_orders: {
		shop_id: () => 1, platform: () => 'taobao', tid: (l, o) => o.tid, trade_status: (l, o) => o.status, trade_type: (l, o) => o.type,
		created: (l, o) => o.created, pay_time: (l, o) => o.pay_time, paid_at: (l, o) => (unpaid.has(o.status) ? null : o.pay_time),
		modified: (l, o) => o.modified, buyer_open_uid: (l, o) => o.buyer_open_uid, receiver_state: (l, o) => o.receiver_state,
		line_no: (l, o, i) => i + 1, paid_amount: (l, o) => (unpaid.has(o.status) ? null : l.divide_order_fee),
		is_gift: (l) => Number(l.price) === 0, sku_id: (l) => l.sku_id || null, first_seen_at: now, synced_at: now,
	},
	after_sales: {
		shop_id: () => 1, platform: () => 'taobao', refunded_at: (r) => (r.status === 'SUCCESS' ? r.modified : null),
		closed_at: (r) => (r.status === 'CLOSED' ? r.modified : null), refunded_amount: (r) => (r.status === 'SUCCESS' ? r.refund_fee : null),
		description: (r) => r.desc, sku_id: (r) => r.sku_id || null, first_seen_at: now, synced_at: now,
	},
};

// Functions that give the columns' values of a record, in the order of the columns.
const readers = Object.fromEntries(Object.keys(derived).map((table) => [
	table, spec.tables[table].map(([name]) => derived[table][name] ?? ((r) => r[name])),
]));

// --- statements ---

const keys = { orders: 'shop_id, tid', sub_orders: 'shop_id, oid', after_sales: 'shop_id, refund_id',
	order_payloads: 'shop_id, tid', after_sale_payloads: 'shop_id, refund_id' };

function upsert(table, source) {
	const names = spec.tables[table].map(([name]) => name);
	const kept = new Set(['first_seen_at', ...keys[table].split(', ')]);
	const sets = names.filter((n) => !kept.has(n)).map((n) => `${n} = excluded.${n}`);
	return `INSERT INTO rival.${table} AS t (${names.join(', ')}) ${source}
		ON CONFLICT (${keys[table]}) DO UPDATE SET ${sets.join(', ')} WHERE t.modified < excluded.modified`;
}

const arrays = (table) => 'SELECT * FROM unnest(' + spec.tables[table].map(([, type], i) => `$${i + 1}::${type}[]`).join(', ') + ')';
const values = (table) => 'VALUES (' + spec.tables[table].map(([, type], i) => `$${i + 1}::${type}`).join(', ') + ')';
const expressions = (table) => spec.tables[table].map(([, , expression]) => expression).join(', ');

const withChanges = (object, id, insert) => `WITH n AS (${insert} RETURNING ${id} AS id, t.tid, t.status, t.modified, t.xmax = 0 AS is_new)
	INSERT INTO rival.order_changes (shop_id, object, id, tid, field, new_value, platform_time, run_id, task_id)
	SELECT 1, '${object}', n.id, n.tid, 'first_seen', n.status, n.modified, 1, 1 FROM n WHERE n.is_new`;

const path = { orders: '{trades_sold_get_response,trades,trade}', after_sales: '{refunds_receive_get_response,refunds,refund}' };
const payloads = { orders: 'order_payloads', after_sales: 'after_sale_payloads' };
const records = (kind) => `SELECT ${expressions(payloads[kind])} FROM jsonb_array_elements($1::jsonb #> '${path[kind]}') AS e (record)`;
const record = (kind) => `SELECT ${expressions(payloads[kind])} FROM (SELECT $1::jsonb) AS e (record)`;

const statement = (name, text) => (client, parameters) => client.query({ name, text, values: parameters });
// A statement for each table: rows(table) and record(kind) are what they select, name what the server knows them by.
const writers = (name, rows, record) => ({
	orders: statement(`${name} orders`, withChanges('order', 't.tid', upsert('orders', rows('orders')))),
	sub_orders: statement(`${name} sub_orders`, upsert('sub_orders', rows('sub_orders'))),
	after_sales: statement(`${name} after_sales`, withChanges('after_sale', 't.refund_id', upsert('after_sales', rows('after_sales')))),
	orders_records: statement(`${name} order_payloads`, upsert('order_payloads', record('orders'))),
	after_sales_records: statement(`${name} after_sale_payloads`, upsert('after_sale_payloads', record('after_sales'))),
});
const spread = writers('spread', arrays, records);
const single = writers('single', values, record);
const post = statement('post', 'SELECT rival.store($1, $2)');

// --- the forms: a page's body to the database, inside a transaction ---

// The columns of these records as arrays; each record has its parents (an order for a line) behind it.
const columns = (table, rows) => readers[table].map((read) => rows.map((row) => read(...row) ?? null));
const rowsOf = (list) => list.map((r) => [r]);
const linesOfAll = (orders) => orders.flatMap((o) => linesOf(o).map((l, i) => [l, o, i]));

const forms = {
	async parse(client, kind, body, list) {
		await spread[kind](client, columns(kind, rowsOf(list)));
		if (kind === 'orders') await spread.sub_orders(client, columns('sub_orders', linesOfAll(list)));
		await spread[`${kind}_records`](client, [body]);
	},
	async rows(client, kind, body, list) {
		for (const r of list) {
			await single[kind](client, readers[kind].map((read) => read(r) ?? null));
			await single[`${kind}_records`](client, [JSON.stringify(r)]);
			for (const row of kind === 'orders' ? linesOfAll([r]) : [])
				await single.sub_orders(client, readers.sub_orders.map((read) => read(...row) ?? null));
		}
	},
	async post(client, kind, body) {
		await post(client, [kind, body]);
	},
};

function listOf(kind, body) {
	const answer = parse(body);
	return kind === 'orders' ? answer.trades_sold_get_response?.trades?.trade : answer.refunds_receive_get_response?.refunds?.refund;
}

let calls = 0;

async function load(client, todo) {
	for (let w = todo.shift(); w !== undefined; w = todo.shift()) {
		const { kind, ...parameters } = w;
		for (let page = 1, more = true; more; page++) {
			const body = await call({ ...parameters, page_size: '100', use_has_next: 'true', page_no: String(page) });
			if (body.startsWith('{"error_response"')) throw new Error(body);
			calls++;
			more = body.includes('"has_next":true');
			const list = spec.form === 'post' ? (/"(trade|refund)":\[\{/.test(body) ? [1] : null) : listOf(kind, body);
			if (!list?.length) continue;
			await client.query('BEGIN');
			await forms[spec.form](client, kind, body, list);
			await client.query('COMMIT');
		}
	}
}

const clients = [];
for (let i = 0; i < spec.connections; i++) {
	const client = new pg.Client({ ...spec.database, options: '-c TimeZone=Asia/Shanghai' });
	await client.connect();
	clients.push(client);
}
console.log(`ready ${clients.map((c) => c.processID).join(' ')}`);
for await (const line of createInterface({ input: process.stdin })) {
	if (line === 'end') break;
	const todo = spec.windows.slice(0, line === 'warm' ? 2 : undefined);
	await Promise.all(clients.map((c) => load(c, todo)));
	console.log(`done ${calls}`);
}
await Promise.all(clients.map((c) => c.end()));
await gateway.close();
process.exit(0);
