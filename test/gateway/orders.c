/*
 * orders.c
 *	  The state of an order after the steps that have happened to it.
 *
 * A step comes from the plan of the order's life or was forced on it by a
 * control request, so every step must make sense, or nothing, in any state: a
 * refund of a closed line does nothing, an end closes what is still open.
 */
#include "orders.h"

const char *const trade_status_names[TS_COUNT] = {
	"TRADE_NO_CREATE_PAY", "WAIT_BUYER_PAY", "PAY_PENDING", "WAIT_PRE_AUTH_CONFIRM",
	"WAIT_SELLER_SEND_GOODS", "PAID_FORBID_CONSIGN", "SELLER_CONSIGNED_PART",
	"WAIT_BUYER_CONFIRM_GOODS", "TRADE_BUYER_SIGNED", "TRADE_FINISHED", "TRADE_CLOSED",
	"TRADE_CLOSED_BY_TAOBAO"
};

const char *const refund_status_names[RS_COUNT] = {
	"NO_REFUND", "WAIT_SELLER_AGREE", "WAIT_BUYER_RETURN_GOODS", "WAIT_SELLER_CONFIRM_GOODS",
	"SELLER_REFUSE_BUYER", "SUCCESS", "CLOSED",
	"WAIT_BUYER_CONFIRM_EXCHANGE_SELLER_SEND_GOODS", "WAIT_SELLER_CONSIGN_GOODS"
};

const char *const presale_status_names[] = {
	"", "FRONT_NOPAID_FINAL_NOPAID", "FRONT_PAID_FINAL_NOPAID", "FRONT_PAID_FINAL_PAID",
	"FRONT_PAID_FRONT_FORFEITED"
};

static void price(Trade *t, int64_t adjust);
static void happen(Trade *t, const Step *s);
static void refund_step(Trade *t, const Step *s);
static void settle_lines(Trade *t, uint32_t at);
static void count_received(Trade *t);

void
order_fold(Trade *t, const Step *steps, int nsteps)
{
	const Facts *f = &t->f;

	memset((char *) t + sizeof(Facts), 0, sizeof(*t) - sizeof(Facts));
	for (int i = 0; i < f->nlines; i++)
	{
		t->lines[i].oid = f->nlines == 1 ? f->tid : f->tid + 1 + i;
		t->lines[i].refund = -1;
	}
	price(t, 0);
	for (int i = 0; i < nsteps; i++)
	{
		happen(t, &steps[i]);
		if (steps[i].kind != STEP_REFUND_NOTE)
		{
			t->modified = steps[i].at;
			t->arrival = steps[i].arrival;
		}
	}
	count_received(t);
}

/*
 * All amounts, for a manual change of a line's price by adjust: of the first that
 * is not closed.  One that is closed keeps its price, and has no part in the
 * order's.
 */
static void
price(Trade *t, int64_t adjust)
{
	const Facts *f = &t->f;
	bool		adjusted = false;
	int64_t		due = 0,
				left;

	t->adjust = adjust;
	t->list_fee = 0;
	for (int i = 0; i < f->nlines; i++)
	{
		const LineFacts *l = &f->lines[i];

		t->lines[i].adjust = 0;
		t->lines[i].due = l->price * l->num - l->discount;
		if (t->lines[i].unsold)
			continue;
		if (!adjusted)
			t->lines[i].adjust = i == 0 || adjust > -t->lines[i].due ? adjust : -t->lines[i].due / 2;
		adjusted = true;
		t->lines[i].due += t->lines[i].adjust;
		t->list_fee += l->price * l->num;
		due += t->lines[i].due;
	}
	t->mjz = f->spread ? due * f->spread_percent / 100 : 0;
	left = t->mjz;
	for (int i = 0; i < f->nlines; i++)
	{
		Line	   *l = &t->lines[i];

		l->part_mjz = due > 0 && !l->unsold ? t->mjz * l->due / due : 0;
		left -= l->part_mjz;
	}
	/* The cents that rounding left over go where they fit. */
	for (int i = 0; i < f->nlines && left > 0; i++)
	{
		int64_t		room = t->lines[i].unsold ? 0 : t->lines[i].due - t->lines[i].part_mjz;
		int64_t		more = left < room ? left : room;

		t->lines[i].part_mjz += more;
		left -= more;
	}
	for (int i = 0; i < f->nlines; i++)
		t->lines[i].divided = t->lines[i].due - t->lines[i].part_mjz;
	t->payment = f->type == TYPE_NOPAID ? 0 : due - t->mjz + f->post_fee + f->service_fee;
	t->deposit = f->type == TYPE_STEP ? t->payment / 10 + 1 : 0;
}

static void
all_lines(Trade *t, TradeStatus status)
{
	t->status = status;
	for (int i = 0; i < t->f.nlines; i++)
		if (!t->lines[i].closed)
			t->lines[i].status = status == TS_FORBID || status == TS_PRE_AUTH ? TS_WAIT_SEND : status;
}

static void
close_all(Trade *t, TradeStatus status, uint32_t at)
{
	if (t->ended != 0)
		return;
	for (int i = 0; i < t->f.nlines; i++)
		if (!t->lines[i].closed)
		{
			t->lines[i].ended = at;
			t->lines[i].status = status;
			t->lines[i].closed = status != TS_FINISHED;
		}
	t->status = status;
	t->ended = at;
}

/* Closing the last one closes the order, which stays what it was. */
static void
close_line(Trade *t, int line, uint32_t at)
{
	Line	   *l = &t->lines[line];
	int			open = 0;

	if (t->paid || t->ended != 0 || t->presale > PS_NOTHING_PAID || l->closed)
		return;
	for (int i = 0; i < t->f.nlines; i++)
		open += !t->lines[i].closed;
	if (open == 1)
	{
		close_all(t, TS_CLOSED_UNPAID, at);
		return;
	}
	l->closed = true;
	l->unsold = true;
	l->status = TS_CLOSED_UNPAID;
	l->ended = at;
	price(t, t->adjust);
}

static void
pay(Trade *t, uint32_t at)
{
	if (t->paid || t->ended != 0)
		return;
	t->paid = true;
	t->pay_time = at;
	all_lines(t, TS_WAIT_SEND);
}

static void
ship(Trade *t, const Step *s)
{
	bool		sent = false;

	if (t->ended != 0)
		return;
	for (int i = 0; i < t->f.nlines; i++)
	{
		Line	   *l = &t->lines[i];

		if (l->closed || l->consigned != 0 || (s->line != ALL_LINES && s->line != i))
			continue;
		l->consigned = s->at;
		l->parcel = t->parcels + 1;
		l->status = TS_WAIT_CONFIRM;
		sent = true;
	}
	if (!sent)
		return;
	t->parcels++;
	if (t->consigned == 0)
		t->consigned = s->at;
	settle_lines(t, s->at);
}

static void
happen(Trade *t, const Step *s)
{
	bool		cod = t->f.type == TYPE_COD || t->f.type == TYPE_NOPAID;

	switch ((StepKind) s->kind)
	{
		case STEP_CREATE:
			all_lines(t, cod ? TS_WAIT_SEND :
					  t->f.hash % 50 == 0 ? TS_NO_CREATE_PAY : TS_WAIT_PAY);
			t->paid = t->f.type == TYPE_NOPAID;
			t->presale = t->f.type == TYPE_STEP ? PS_NOTHING_PAID : PS_NONE;
			break;
		case STEP_REPRICE:
			if (!t->paid && t->ended == 0)
				price(t, t->f.reprice);
			break;
		case STEP_CLOSE_LINE:
			close_line(t, s->line, s->at);
			break;
		case STEP_PENDING:
			all_lines(t, TS_PAY_PENDING);
			break;
		case STEP_PREAUTH:
			all_lines(t, TS_PRE_AUTH);
			break;
		case STEP_DEPOSIT:
			t->presale = PS_DEPOSIT_PAID;
			all_lines(t, TS_WAIT_PAY);
			/* The platform does not say which payment pay_time tells of: both occur. */
			if (t->f.hash % 3 == 0)
				t->pay_time = s->at;
			break;
		case STEP_BALANCE:
			t->presale = PS_ALL_PAID;
			pay(t, t->pay_time != 0 ? t->pay_time : s->at);
			break;
		case STEP_FORFEIT:
			t->presale = PS_FORFEITED;
			close_all(t, TS_CLOSED_UNPAID, s->at);
			break;
		case STEP_PAY:
			pay(t, s->at);
			break;
		case STEP_FORBID:
			if (t->status == TS_WAIT_SEND)
				all_lines(t, TS_FORBID);
			break;
		case STEP_RELEASE:
			if (t->status == TS_FORBID)
				all_lines(t, TS_WAIT_SEND);
			break;
		case STEP_SHIP:
			ship(t, s);
			break;
		case STEP_SIGN:
			all_lines(t, TS_SIGNED);
			break;
		case STEP_REJECT:
			close_all(t, TS_CLOSED, s->at);
			break;
		case STEP_FINISH:
			close_all(t, TS_FINISHED, s->at);
			if (t->f.type == TYPE_COD)
			{
				t->paid = true;
				t->pay_time = s->at;
			}
			break;
		case STEP_CLOSE:
			if (!t->paid)
				close_all(t, TS_CLOSED_UNPAID, s->at);
			break;
		case STEP_MEMO:
			t->memos++;
			t->flag = (int) (mix64(t->f.hash + (uint64_t) t->memos) % 6);
			break;
		case STEP_RATE:
			t->rated = true;
			break;
		default:
			refund_step(t, s);
	}
}

/* ---- after-sales ---- */

static void
refund_open(Trade *t, const Step *s, Refund *r)
{
	Line	   *l = &t->lines[s->line];
	int64_t		left = l->divided - l->refunded;
	uint64_t	h = mix64(t->f.hash + 77 + s->refund);

	if (r->opened || l->closed || left <= 0)
		return;
	r->opened = true;
	r->line = s->line;
	r->kind = (RefundKind) (s->arg & KIND_MASK);
	r->created = s->at;
	r->order_status = l->status;
	r->aftersale = t->status == TS_FINISHED;
	r->was_shipped = l->consigned != 0;
	r->returning = r->kind != KIND_REFUND && r->kind != KIND_OTHER && r->kind != KIND_RESHIP;
	r->concerned = l->divided;
	r->fee = left;
	if (s->arg & KIND_PARTIAL)
		r->fee = left * (int64_t) (10 + h % 50) / 100;
	if (r->fee == 0)
		r->fee = left;
	if (s->arg & KIND_POSTAGE)
		r->fee += t->f.post_fee;
	if (s->kind == STEP_SPECIAL)
	{
		r->special = true;
		r->cashback = (s->arg & KIND_CASHBACK) != 0;
		r->kind = KIND_REFUND;
		r->fee = left * (int64_t) (1 + h % 12) / 100 + 1;
		if (r->fee > left)
			r->fee = left;
		r->status = RS_SUCCESS;
		l->special = true;
	}
	if (s->refund >= t->nrefunds)
		t->nrefunds = s->refund + 1;
}

static void
refund_success(Trade *t, Refund *r, uint32_t at)
{
	Line	   *l = &t->lines[r->line];

	r->status = RS_SUCCESS;
	if (r->kind != KIND_REFUND && r->kind != KIND_RETURN && r->kind != KIND_OTHER)
		return;					/* goods for goods: no money moves */
	l->refunded += r->fee;
	t->refunded += r->fee;
	if (l->refunded >= l->divided && t->ended == 0)
	{
		l->closed = true;
		l->status = TS_CLOSED;
		l->ended = at;
		settle_lines(t, at);
	}
}

static void
refund_step(Trade *t, const Step *s)
{
	Refund	   *r = &t->refunds[s->refund];
	bool		exchange;

	if (s->kind == STEP_REFUND_OPEN || s->kind == STEP_SPECIAL)
		refund_open(t, s, r);
	if (!r->opened)
		return;
	exchange = r->kind == KIND_TMALL_EXCHANGE || r->kind == KIND_TAOBAO_EXCHANGE;
	r->modified = s->at;
	switch ((StepKind) s->kind)
	{
		case STEP_REFUND_OPEN:
			r->status = RS_WAIT_AGREE;
			break;
		case STEP_REFUND_NOTE:
			r->notes++;
			return;
		case STEP_REFUND_AGREE:
			r->status = exchange ? RS_EXCHANGE_CONFIRM : RS_WAIT_RETURN;
			break;
		case STEP_REFUND_RETURN:
			r->status = exchange ? RS_EXCHANGE_SEND : RS_WAIT_GOODS;
			r->returned = s->at;
			break;
		case STEP_REFUND_REFUSE:
			r->status = RS_REFUSED;
			break;
		case STEP_REFUND_SUCCESS:
			if (r->status != RS_SUCCESS)
				refund_success(t, r, s->at);
			break;
		case STEP_REFUND_CANCEL:
			r->status = RS_CLOSED;
			break;
		case STEP_SPECIAL:
			return;				/* not the line's refund: another list */
		default:
			return;
	}
	t->lines[r->line].refund_status = r->status;
	t->lines[r->line].refund = s->refund;
}

/* The order's status from its lines': all closed, all shipped, or some. */
static void
settle_lines(Trade *t, uint32_t at)
{
	int			open = 0,
				shipped = 0;

	for (int i = 0; i < t->f.nlines; i++)
		if (!t->lines[i].closed)
		{
			open++;
			shipped += t->lines[i].consigned != 0;
		}
	if (open == 0)
	{
		t->status = TS_CLOSED;
		t->ended = at;
	}
	else if (shipped == open)
		t->status = TS_WAIT_CONFIRM;
	else if (shipped > 0)
		t->status = TS_PART;
}

/* What the seller has got: the finished lines, less what went back. */
static void
count_received(Trade *t)
{
	t->received = 0;
	if (t->status != TS_FINISHED || !t->paid)
		return;
	for (int i = 0; i < t->f.nlines; i++)
		if (!t->lines[i].closed)
			t->received += t->lines[i].divided - t->lines[i].refunded;
	t->received += t->f.post_fee + t->f.service_fee;
	if (t->received < 0)
		t->received = 0;
	if (t->f.type == TYPE_NOPAID)
		t->received = 0;
}
