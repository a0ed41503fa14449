// The customer's phone. It talks to /simulator/api only and is drawn again from
// its list of messages whenever one changes.
'use strict'

const $ = id => document.getElementById(id)
const chats = new Map() // "channel|persona" -> messages
const files = new Map() // media id -> promise of a blob URL
let atEnd = true, movedAt = 0 // the newest message is to stay in view; when we scrolled last
let state = null, cursor = 0, quoted = null, opened = null, unread = new Set()

function el(tag, props = {}, ...children) {
  const e = Object.assign(document.createElement(tag), props)
  e.append(...children.filter(c => c !== null && c !== undefined && c !== ''))
  return e
}

async function call(method, path, body) {
  const headers = {}
  const key = sessionStorage.getItem('linktor.key')
  if (key) headers['X-API-Key'] = key
  if (body) headers['Content-Type'] = 'application/json'
  const r = await fetch('/simulator/api/' + path, { method, headers, body: body && JSON.stringify(body) })
  if (r.status === 401 || r.status === 403) $('key').hidden = false
  return r
}

async function api(method, path, body) {
  const r = await call(method, path, body)
  const v = await r.json().catch(() => ({}))
  if (!r.ok) throw new Error(v.error || v.detail || `The server answered ${r.status}.`)
  return v
}

// act does something and shows what went wrong, if anything.
async function act(method, path, body) {
  $('error').textContent = ''
  try { return await api(method, path, body) } catch (e) { $('error').textContent = e.message }
}

const here = () => $('channel').value + '|' + $('persona').value
const say = message => (atEnd = true) && act('POST', 'inbound', { channel: $('channel').value, from: $('persona').value, ...takeQuote(), ...message })

function takeQuote() {
  const q = quoted ? { replyTo: quoted } : {}
  quote(null)
  return q
}

function quote(m) {
  quoted = m && m.id
  $('quote').hidden = !m
  if (m) $('quote').firstElementChild.textContent = 'Answers: ' + summary(m)
}

// summary is a message in a few words.
function summary(m) {
  const c = m.content, i = c.interactive
  return m.preview || c.text?.body || i?.body?.text || i?.button_reply?.title || i?.list_reply?.title || c.button?.text || c[m.type]?.caption || m.type
}

// file is the address of a file's bytes, fetched once.
function file(id) {
  if (!files.has(id)) files.set(id, call('GET', 'media/' + id).then(r => r.ok ? r.blob() : null).then(b => b && URL.createObjectURL(b)))
  return files.get(id)
}

// media shows a file: of the simulator by id, or one the business links to.
function media(kind, part) {
  const tag = { image: 'img', sticker: 'img', video: 'video', audio: 'audio' }[kind]
  const target = tag ? el(tag, { controls: true, alt: kind, className: kind }) : el('a', { textContent: '📄 ' + (part.filename || 'document'), target: '_blank', rel: 'noreferrer' })
  const set = url => { if (url) target[tag ? 'src' : 'href'] = url }
  target.onload = target.onloadedmetadata = () => { if (atEnd) toEnd() }
  if (part.id) file(part.id).then(set)
  else if (/^https?:/.test(part.link || '')) set(part.link)
  return target
}

// content draws what is inside a bubble, from the Cloud API's object.
function content(m) {
  const c = m.content, part = c[m.type] || {}
  switch (m.type) {
    case 'text': return [part.body || '']
    case 'image': case 'video': case 'audio': case 'sticker': case 'document':
      return [media(m.type, part), part.voice ? el('span', { className: 'label', textContent: 'voice note ' }) : '', part.caption || '']
    case 'location':
      return ['📍 ' + (part.name || 'Location') + '\n', el('span', { className: 'label', textContent: `${part.address ? part.address + ' · ' : ''}${part.latitude}, ${part.longitude}` })]
    case 'contacts': return part.map(p => '👤 ' + (p.name?.formatted_name || p.name?.formattedName || 'Contact') + (p.phones?.[0] ? '\n' + p.phones[0].phone : '') + '\n')
    case 'template': return [m.preview || `Template ${part.name}`, el('div', { className: 'label', textContent: `template ${part.name} · ${part.language?.code}` })]
    case 'interactive': return interactive(part)
    case 'button': return [part.text, el('div', { className: 'label', textContent: 'tapped' })]
    case 'order': return ['🛒 ' + (part.text || 'Order') + part.product_items.map(p => `\n${p.quantity} × ${p.product_retailer_id}`).join('')]
    case 'edit': return [part.message?.text?.body || '', el('div', { className: 'label', textContent: 'edited an earlier message' })]
    case 'system': return ['⚙ ' + part.body]
    case 'revoke': return ['🗑 took back a message']
    case 'unsupported': return ['❔ ' + part.type]
  }
  return [JSON.stringify(part)]
}

function interactive(i) {
  const r = i.button_reply || i.list_reply
  if (r) return [r.title, el('div', { className: 'label', textContent: 'tapped' })]
  if (i.nfm_reply) return ['📝 form sent', el('div', { className: 'label', textContent: i.nfm_reply.response_json })]
  const h = i.header
  return [
    h && (h.type === 'text' ? el('div', { className: 'head', textContent: h.text }) : media(h.type, h[h.type] || {})),
    i.body?.text || i.type, i.footer && el('div', { className: 'foot', textContent: i.footer.text }),
  ]
}

// taps are the buttons and rows below a message of the business.
function taps(m) {
  const list = [], i = m.content.interactive, a = i?.action || {}
  const add = (label, message, small) => list.push(el('button', { type: 'button', onclick: () => say({ replyTo: m.id, ...message }) }, label, small ? el('small', { textContent: small }) : ''))
  for (const b of m.buttons || []) add(b.text, { type: 'button', title: b.text, payload: b.payload })
  for (const b of a.buttons || []) add(b.reply.title, { type: 'button_reply', id: b.reply.id, title: b.reply.title })
  for (const s of a.sections || []) for (const r of s.rows || []) add(r.title, { type: 'list_reply', id: r.id, title: r.title, description: r.description }, r.description)
  if (i?.type === 'cta_url' && /^https?:/.test(a.parameters?.url)) list.push(el('a', { href: a.parameters.url, target: '_blank', rel: 'noreferrer', textContent: a.parameters.display_text }))
  if (i?.type === 'flow') add(a.parameters?.flow_cta || 'Fill in', { type: 'flow_reply' })
  if (i?.type === 'location_request_message') add('Send location', { type: 'location' })
  return list.length ? el('div', { className: 'taps' }, ...list) : ''
}

const ticks = { accepted: '◷', sent: '✓', delivered: '✓✓', read: '✓✓ read', played: '✓✓ played', failed: '! failed', deleted: 'deleted' }

// tools open below a bubble: ticks by hand, reactions, quoting, edits.
function tools(m) {
  const b = (textContent, onclick) => el('button', { type: 'button', textContent, onclick })
  const row = el('div', { className: 'tools' }, b('Quote', () => { quote(m); $('text').focus() }))
  if (m.direction === 'in') {
    row.append(b('Edit', () => say({ type: 'edit', messageId: m.id, text: $('text').value || 'Edited' })), b('Take back', () => say({ type: 'revoke', messageId: m.id })))
    return row
  }
  for (const e of ['👍', '❤️', '😂']) row.append(b(e, () => say({ type: 'reaction', messageId: m.id, emoji: e })))
  row.append(b('no emoji', () => say({ type: 'reaction', messageId: m.id })))
  for (const s of ['sent', 'delivered', 'read']) row.append(b('→ ' + s, () => act('POST', 'status', { messageId: m.id, status: s })))
  const code = el('input', { type: 'number', value: 131026, ariaLabel: 'error code' })
  row.append(b('→ failed', () => act('POST', 'status', { messageId: m.id, status: 'failed', errorCode: Number(code.value) })), code)
  return row
}

function bubble(m, reactions, byID) {
  const status = m.status ? el('span', { className: m.status, textContent: (ticks[m.status] || m.status) + (m.errorCode ? ' ' + m.errorCode : '') }) : ''
  const more = el('button', { type: 'button', textContent: '⋯', title: 'More', ariaLabel: 'More', onclick: () => { opened = opened === m.id ? null : m.id; draw() } })
  const target = m.replyTo && byID.get(m.replyTo)
  const time = new Date(m.at).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' })
  return el('li', { className: 'row ' + m.direction },
    el('div', { className: 'bubble' }, target ? el('div', { className: 'quoted', textContent: summary(target) }) : '', ...content(m), el('div', { className: 'meta' }, more, time, status)),
    reactions.get(m.id) ? el('span', { className: 'reacts', textContent: reactions.get(m.id) }) : '',
    opened === m.id ? tools(m) : '', m.direction === 'out' ? taps(m) : '')
}

function draw() {
  const messages = chats.get(here()) || [], reactions = new Map(), byID = new Map(messages.map(m => [m.id, m]))
  for (const m of messages) if (m.type === 'reaction') reactions.set(m.content.reaction.message_id, m.content.reaction.emoji || '')
  const shown = messages.filter(m => m.type !== 'reaction')
  $('chat').replaceChildren(...shown.map(m => bubble(m, reactions, byID)))
  if (!shown.length) $('chat').append(el('li', { className: 'empty', textContent: 'Nothing was written yet. Type below to write to the business.' }))
  if (atEnd) toEnd()
}

function toEnd() {
  movedAt = performance.now()
  $('chat').scrollTop = $('chat').scrollHeight
}

function put(m) {
  const key = m.channel + '|' + m.persona
  const list = chats.get(key)
  if (!list) return key
  const i = list.findIndex(x => x.id === m.id)
  if (i >= 0) list[i] = m
  else list.push(m)
  return key
}

// open shows the chosen conversation and, like a person looking at the phone,
// reads what is there.
async function open() {
  const p = state.personas.find(x => x.id === $('persona').value)
  $('about').textContent = p ? [p.phone ? '+' + p.phone : p.userId, p.about].filter(Boolean).join(' · ') : 'a stranger'
  unread.delete(here())
  atEnd = true
  options()
  const key = here()
  const v = await act('GET', `chat?channel=${encodeURIComponent($('channel').value)}&persona=${encodeURIComponent($('persona').value)}`)
  if (!v || key !== here()) return
  chats.set(key, v.data[0]?.messages || [])
  draw()
  act('POST', 'open', { channel: $('channel').value, persona: $('persona').value })
}

// options writes the two lists; a dot marks who has something new.
function options() {
  const dot = k => [...unread].some(u => u.startsWith(k) || u.endsWith(k)) ? ' •' : ''
  for (const o of $('channel').options) o.textContent = o.dataset.name + dot(o.value + '|')
  for (const o of $('persona').options) o.textContent = o.dataset.name + (unread.has($('channel').value + '|' + o.value) ? ' •' : '')
}

const option = (value, name) => { const o = el('option', { value, textContent: name }); o.dataset.name = name; return o }

const labels = {
  automatic: 'Ticks come by themselves', window: 'Refuse outside 24 hours (131047)', throttle: 'Refuse above 80/s (130429)', pairLimit: 'Refuse above the pair limit (131056)',
  replies: 'Customers answer', outage: 'The provider is down', managementLimit: 'Template calls are throttled', badSignature: 'Webhooks carry a wrong signature',
  statuses: 'Statuses', sentMs: 'sent after, ms', deliveredMs: 'delivered after, ms', readMs: 'read after, ms', lateMs: 'late means, ms', replyMs: 'answer after, ms', reviewMs: 'template review, ms', latencyMs: 'answers take, ms', copies: 'copies of each webhook',
}
const modes = ['normal', 'none', 'duplicated', 'reordered', 'late', 'before', 'skipped']

function behaviour() {
  const save = (k, v) => act('POST', 'behaviour', { [k]: v }).then(b => { if (b) state.behaviour = b })
  $('behaviour').replaceChildren(...Object.keys(labels).map(k => {
    const v = state.behaviour[k]
    if (typeof v === 'boolean') return el('label', { className: 'switch' }, el('input', { type: 'checkbox', checked: v, onchange: e => save(k, e.target.checked) }), labels[k])
    if (k === 'statuses') return el('label', {}, labels[k], el('select', { onchange: e => save(k, e.target.value) }, ...modes.map(m => el('option', { value: m, textContent: m, selected: m === v }))))
    return el('label', {}, labels[k], el('input', { type: 'number', value: v, min: k === 'readMs' ? -1 : 0, onchange: e => save(k, Number(e.target.value)) }))
  }))
}

function counters() {
  const words = k => k.replace(/([A-Z0-9]+)/g, ' $1').toLowerCase()
  $('counters').replaceChildren(...Object.entries(state.counters).map(([k, v]) => el('div', {}, el('dt', { textContent: words(k) }), el('dd', { textContent: v.toLocaleString() }))))
}

const kinds = [
  ['📷 Photo', { type: 'image' }], ['🎤 Voice note', { type: 'voice' }], ['🎬 Video', { type: 'video' }], ['📄 Document', { type: 'document' }], ['🟢 Sticker', { type: 'sticker' }], ['📎 Own file…', null],
  ['📍 Location', { type: 'location', name: 'Old town', address: 'Harbour street 1' }], ['👤 Contact', { type: 'contacts' }], ['🛒 Order', { type: 'order' }], ['📝 Form reply', { type: 'flow_reply' }],
  ['📣 From an ad', { text: 'I saw your ad', referral: true }], ['↪ Forwarded', { text: 'Look at this', forwarded: true }], ['📊 Poll', { type: 'unsupported', kind: 'poll_creation' }],
  ['☎ New number', { type: 'system', kind: 'user_changed_number' }], ['🧪 Unknown kind', { type: 'hologram', raw: { depth: 3 } }],
]

function sendFile(f) {
  const reader = new FileReader()
  const type = { image: f.type === 'image/webp' ? 'sticker' : 'image', video: 'video', audio: 'audio' }[f.type.split('/')[0]] || 'document'
  reader.onload = () => say({ type, data: reader.result.split(',')[1] || '', mimeType: f.type || 'application/octet-stream', filename: f.name, text: $('text').value })
  reader.readAsDataURL(f)
}

async function load() {
  state = await api('GET', 'state')
  cursor = state.cursor
  const keep = [$('channel').value, $('persona').value]
  $('channel').replaceChildren(...state.channels.map(c => option(c.id, `${c.kind === 'link' ? 'LINK' : 'WhatsApp'} · ${c.name || c.phone}`)))
  $('persona').replaceChildren(...state.personas.map(p => option(p.id, p.name)))
  if (keep[0]) { $('channel').value = keep[0]; $('persona').value = keep[1] }
  $('magic').replaceChildren(...state.magic.map(m => el('tr', {}, el('td', { textContent: m.number, title: m.example }), el('td', { textContent: m.effect }))))
  behaviour()
  counters()
  $('key').hidden = true
  if (state.channels.length) await open()
  else $('error').textContent = 'There is no simulated channel yet. Add one, or start Linktor without a configuration.'
}

// follow waits for news, one long request after the other.
async function follow() {
  for (;;) {
    try {
      if (!state) await load()
      const v = await api('GET', 'updates?after=' + cursor)
      if (v.reset) { state = null; chats.clear(); continue }
      cursor = v.cursor
      for (const u of v.data) {
        const key = put(u.message)
        if (key !== here() && u.message.direction === 'out') unread.add(key)
      }
      if (v.data.length) {
        draw()
        options()
        if (!document.hidden && v.data.some(u => u.message.status === 'delivered')) act('POST', 'open', { channel: $('channel').value, persona: $('persona').value })
        state.counters = (await api('GET', 'state')).counters
        counters()
      }
    } catch (e) {
      $('error').textContent = e.message + ' Trying again.'
      await new Promise(r => setTimeout(r, 3000))
      $('error').textContent = ''
    }
  }
}

$('chat').onscroll = () => { // only a person's scrolling counts, not what a taller message causes
  if (performance.now() - movedAt > 300) atEnd = $('chat').scrollHeight - $('chat').scrollTop - $('chat').clientHeight < 60
}
$('composer').onsubmit = e => { e.preventDefault(); const text = $('text').value.trim(); if (text) { say({ type: 'text', text }); $('text').value = '' } }
$('channel').onchange = $('persona').onchange = () => { quote(null); open() }
$('quote').lastElementChild.onclick = () => quote(null)
$('file').onchange = e => { if (e.target.files[0]) sendFile(e.target.files[0]); e.target.value = '' }
$('kinds').append(...kinds.map(([label, message]) => el('button', { type: 'button', textContent: label, onclick: () => { $('menu').open = false; message ? say(message) : $('file').click() } })))
$('key').onsubmit = e => { e.preventDefault(); sessionStorage.setItem('linktor.key', $('keyInput').value.trim()); state = null }
$('other').onclick = () => {
  const phone = prompt('Phone number with country code, or a business-scoped user id')
  if (!phone) return
  const id = /^[A-Za-z]/.test(phone) ? phone.trim() : phone.replace(/\D/g, '')
  if (![...$('persona').options].some(o => o.value === id)) $('persona').append(option(id, phone))
  $('persona').value = id
  open()
}
follow()
