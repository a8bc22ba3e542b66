// Looks at the pages of test/t/73_report.pl as a browser shows them, each in a frame, and writes what is wrong into the
// document, a line each, and beside it what was seen: so that a check of nothing is noticed.
'use strict';

const inside = (a, b, by) => a.left >= b.left - by && a.right <= b.right + by && a.top >= b.top - by && a.bottom <= b.bottom + by;
const said = element => (element.id || element.className.baseVal || element.className || element.tagName) + '';

// The part of a rectangle that its ancestors do not cut off.
function shown(rect, element)
{
	let { left, right, top, bottom } = rect;
	for (let e = element; e && e.tagName !== 'BODY'; e = e.parentElement)
	{
		if (getComputedStyle(e).overflowX === 'visible' || e.tagName === 'svg')
			continue;
		const box = e.getBoundingClientRect();
		left = Math.max(left, box.left); right = Math.min(right, box.right);
		top = Math.max(top, box.top); bottom = Math.min(bottom, box.bottom);
	}
	return right - left > 0.5 && bottom - top > 0.5 ? { left, right, top, bottom } : null;
}

// Texts as they stand there, a line of each a rectangle.
function texts(doc)
{
	const found = [];
	const walk = doc.createTreeWalker(doc.body, NodeFilter.SHOW_TEXT);
	for (let node = walk.nextNode(); node; node = walk.nextNode())
	{
		const parent = node.parentElement;
		// what is folded away has a place as well
		if (!node.data.trim() || parent.closest('title, desc, style') || parent.closest('details:not([open])') && !parent.closest('summary'))
			continue;
		const range = doc.createRange();
		range.selectNodeContents(node);
		for (const rect of range.getClientRects())
		{
			const part = shown(rect, parent);
			if (part)
				found.push({ node, parent, ...part, text: node.data.trim().slice(0, 30) });
		}
	}
	return found;
}

function overlaps(found)
{
	const wrong = [];
	found.sort((a, b) => a.top - b.top);
	found.forEach((a, i) => {
		for (let j = i + 1; j < found.length && found[j].top < a.bottom - 2; ++j)
		{
			const b = found[j];
			if (a.node !== b.node && Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1 && Math.min(a.bottom, b.bottom) - b.top > 2)
				wrong.push(`"${a.text}" overlaps "${b.text}"`);
		}
	});
	return wrong;
}

// Relative luminance and contrast as WCAG defines them.
const channels = color => (color.match(/[\d.]+/g) || []).map(Number);
const linear = c => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
const luminance = color => { const [ r, g, b ] = channels(color).map(linear); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
const contrast = (a, b) => { const [ x, y ] = [ luminance(a), luminance(b) ].sort((m, n) => n - m); return (x + 0.05) / (y + 0.05); };
const isClear = color => color === 'none' || color === 'transparent' || channels(color)[3] === 0;

function ground(element)
{
	for (let e = element; e; e = e.parentElement)
	{
		const color = getComputedStyle(e).backgroundColor;
		if (!isClear(color))
			return color;
	}
	return 'rgb(255, 255, 255)';
}

function colours(doc, found, smallest)
{
	const wrong = new Set();
	for (const { parent, text } of found)
	{
		const isSvg = parent.namespaceURI.endsWith('svg');
		const rect = isSvg && parent.parentElement.querySelector(':scope > rect');
		const behind = rect && !isClear(getComputedStyle(rect).fill) ? getComputedStyle(rect).fill : ground(parent);
		const own = getComputedStyle(parent)[isSvg ? 'fill' : 'color'];
		if (contrast(own, behind) < 4.5)
			wrong.add(`"${text}" has contrast ${contrast(own, behind).toFixed(2)}`);
		if (parseFloat(getComputedStyle(parent).fontSize) < smallest)
			wrong.add(`"${text}" is smaller than ${smallest} pixels`);
	}
	for (const shape of doc.querySelectorAll('.main, .other, .before, .legend .proven, .legend .short, .legend .fresh, .legend .unread'))
	{
		const style = getComputedStyle(shape);
		const own = isClear(style.fill) ? style.stroke : style.fill;
		if (!(shape instanceof shape.ownerDocument.defaultView.SVGGElement) && contrast(own, ground(shape.closest('svg').parentElement)) < 3)
			wrong.add(`shape ${said(shape)} has contrast ${contrast(own, ground(shape.closest('svg').parentElement)).toFixed(2)}`);
	}
	return [ ...wrong ];
}

function shapes(doc)
{
	const wrong = [];
	for (const shape of doc.querySelectorAll('svg rect, svg path, svg text, svg line'))
	{
		const svg = shape.closest('svg');
		if (svg.getBoundingClientRect().width && !inside(shape.getBoundingClientRect(), svg.getBoundingClientRect(), 1.5))
			wrong.push(`${said(shape)} leaves its picture ${said(svg)}`);
	}
	return wrong;
}

function look(frame)
{
	const doc = frame.contentDocument, root = doc.documentElement, wrong = [];
	const found = texts(doc);
	for (const { left, right, text } of found)
		if (left < 0 || right > root.clientWidth + 0.5)
			wrong.push(`"${text}" leaves the page`);
	for (const { parent, left, right, text } of found)
	{
		const card = parent.closest('.card');
		if (card && (left < card.getBoundingClientRect().left || right > card.getBoundingClientRect().right))
			wrong.push(`"${text}" leaves its section`);
	}
	if (root.scrollWidth > root.clientWidth)
		wrong.push(`the page is ${root.scrollWidth - root.clientWidth} pixels too wide`);
	wrong.push(...overlaps(found), ...colours(doc, found, frame.id.startsWith('paper') ? 10 : 11), ...shapes(doc));
	for (const entry of frame.contentWindow.performance.getEntriesByType('resource'))
		wrong.push(`loaded ${entry.name}`);
	return { wrong, texts: found.length, shapes: doc.querySelectorAll('svg rect, svg path').length };
}

window.addEventListener('load', () => {
	const lines = [];
	for (const frame of document.querySelectorAll('iframe'))
	{
		for (const open of [ false, true ])
		{
			for (const details of frame.contentDocument.querySelectorAll('details'))
				details.open = open;
			const { wrong, texts, shapes } = look(frame);
			const ground = getComputedStyle(frame.contentDocument.body).backgroundColor;
			lines.push(`seen ${frame.id}${open ? ' opened' : ''}: ${texts} texts, ${shapes} shapes, ground ${ground}`,
				...wrong.slice(0, 5).map(w => `wrong ${frame.id}${open ? ' opened' : ''}: ${w}`));
		}
	}
	lines.push(`ran ${(window.ran || [ 'nothing' ]).join(' ')}`);
	document.body.innerHTML = '<pre></pre>';
	document.querySelector('pre').textContent = `[[\n${lines.join('\n')}\n]]`;
});
