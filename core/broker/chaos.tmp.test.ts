import { expect, test } from "vitest";
import { Admin } from "../client/admin.ts";
import { Consumer } from "../client/consumer.ts";
import { Producer } from "../client/producer.ts";
import { startNode } from "../node.ts";
import { utf8Decode, utf8Encode } from "../record/utf8.ts";
import { makeRules } from "../rules.ts";
import { adminSettings, consumerSettings, producerSettings } from "../settings/client-settings.ts";
import { resolveSettings } from "../settings/definition.ts";
import { ManualWorld } from "../testkit/manual-ports.ts";

const settings = {
  "broker.session.timeout.ms": 3000, "broker.heartbeat.interval.ms": 500,
  "replica.lag.time.max.ms": 3000, "replica.socket.timeout.ms": 2000, "replica.fetch.backoff.ms": 200,
  "request.timeout.ms": 2000, "min.insync.replicas": 2, "log.segment.bytes": 20000,
  "auto.create.topics.enable": false,
};
function rng(seed: number) { let s = seed >>> 0; return (n: number) => { s = (Math.imul(s, 1664525) + 1013904223) >>> 0; return Math.floor((s / 4294967296) * n); }; }

function run(seed: number, flavour: string) {
  const draw = rng(seed * 7919 + 13);
  const world = new ManualWorld();
  const names = ["c100", "b1", "b2", "b3"];
  const started = new Set<string>();
  const down = new Set<string>();
  const start = (name: string) => {
    const node = world.node(name);
    if (started.has(name)) node.restart();
    started.add(name); down.delete(name);
    node.perform(() => { startNode(node.ports, { clusterId: "cccccccccccccccccccccc", nodeId: Number(name.slice(1)), host: name,
      roles: [name[0] === "c" ? "controller" : "broker"], rack: null, voters: [{ id: 100, host: "c100" }], settings: flavour === "power" ? { ...settings, "log.flush.interval.messages": 1 } : settings }, makeRules()); });
  };
  names.forEach(start);
  world.run(3000);
  const rules = makeRules();
  const bootstrap = ["b1", "b2", "b3"];
  const client = world.node("client");
  const admin = new Admin(client.ports, { clientId: "admin", bootstrap, settings: resolveSettings(adminSettings, { "request.timeout.ms": 2000 }) });
  let created: unknown = null;
  client.perform(() => admin.createTopics([{ name: "t", partitions: 3, numPartitions: 3, replicationFactor: 3 } as never], (r) => (created = r)));
  world.run(2000);
  const pnode = world.node("p1");
  const producer = new Producer(pnode.ports, { clientId: "p1", bootstrap, rules, settings: resolveSettings(producerSettings, { "request.timeout.ms": 2000, "delivery.timeout.ms": 15000, "metadata.max.age.ms": 5000, "reconnect.backoff.max.ms": 500 }) });
  const acked: { id: number; partition: number; offset: number }[] = [];
  let failed = 0, open = 0;
  const errors = new Map<string, number>();
  const t0 = world.nowMs;
  const cuts: [string, string][] = []; const paused = new Set<string>();
  let faults = 0, exits = 0;
  for (let i = 0; i < 900; i++) {
    pnode.perform(() => producer.send({ sendId: `s${i}`, topic: "t", key: utf8Encode(`k${i % 20}`), value: utf8Encode(String(i)), timestamp: world.startMs + world.nowMs }, (r) => {
      open--; if (r.kind === "acked") acked.push({ id: i, ...r } as never); else { failed++; errors.set(r.error, (errors.get(r.error) ?? 0) + 1); }
    }));
    open++;
    if (process.env.V && i % 40 === 0) { const o = [0,1,2].map((k) => { const f = world.node('c100').factsOf('partition-decided').filter((x) => x.partition === `t-${k}`).at(-1); return f ? `${f.leader}[${f.isr}]` : '?'; }); console.log(world.nowMs, i, 'acked', acked.length, 'failed', failed, 'open', open, o.join(' ')); }
    world.run(50);
    for (const name of names) if (!world.node(name).isAlive && !down.has(name)) { down.add(name); exits++; if (flavour !== "disk") throw new Error(`${name} exited: ${world.node(name).exitReason}`); }
    if (i === 600) { for (const c of cuts) world.mend(...c); cuts.length = 0; for (const p of paused) world.node(p).resume(); paused.clear(); for (const n of names) { world.node(n).disk.failure = null; if (!world.node(n).isAlive) start(n); } }
    if (draw(40) === 0 && i < 550) {
      faults++;
      const victim = names[draw(4)] as string;
      const kind = draw(flavour === "disk" ? 7 : 6);
      if (process.env.V) console.log(world.nowMs, 'fault', kind, victim, 'down', [...down].join(), 'paused', [...paused].join(), 'cuts', cuts.join(' '));
      switch (kind) {
        case 0: case 1: if (down.size < 3 && !down.has(victim)) { if (flavour === 'power') world.node(victim).losePower(); else world.node(victim).kill(); down.add(victim); paused.delete(victim); } break;
        case 2: { const other = names[draw(4)] as string; if (other !== victim) { world.cut(victim, other); cuts.push([victim, other]); } break; }
        case 3: { const c = cuts.shift(); if (c) world.mend(...c); break; }
        case 4: for (const d of [...down]) if (draw(2) === 0) { world.node(d).disk.failure = null; start(d); } break;
        case 5: if (!down.has(victim)) { if (victim === 'c100' && !paused.has(victim)) break; if (paused.has(victim)) { world.node(victim).resume(); paused.delete(victim); } else { world.node(victim).pause(); paused.add(victim); } } break;
        case 6: world.node(victim).disk.failure = { under: draw(2) ? "data" : `data/t-${draw(3)}`, code: draw(2) ? "ENOSPC" : "EIO" }; break;
      }
    }
  }
  for (const c of cuts) world.mend(...c);
  for (const p of paused) world.node(p).resume();
  for (const n of names) { world.node(n).disk.failure = null; if (!world.node(n).isAlive) start(n); }
  world.run(30000);
  for (const n of names) if (!world.node(n).isAlive) throw new Error(`${n} ended: ${world.node(n).exitReason}`);
  const cnode = world.node("consumer");
  const consumer = new Consumer(cnode.ports, { clientId: "c1", bootstrap, rules, settings: resolveSettings(consumerSettings, { "auto.offset.reset": "earliest", "request.timeout.ms": 2000 }) });
  cnode.perform(() => consumer.assign([0, 1, 2].map((partition) => ({ topic: "t", partition }))));
  const seen = new Map<string, string>(); const values: string[] = [];
  let stop = false;
  const poll = () => consumer.poll(500, (r) => { if (r.kind === "records") for (const rec of r.records) { const v = utf8Decode(rec.value as Uint8Array); values.push(v); seen.set(`${rec.partition}/${rec.offset}`, v); } else errors.set("poll " + r.error, 1); if (!stop) poll(); });
  cnode.perform(poll);
  world.run(5000); stop = true;
  const lost = acked.filter((a) => seen.get(`${a.partition}/${a.offset}`) !== String(a.id) && a.offset >= 0);
  const dup = values.length - new Set(values).size;
  const hung = ["b1", "b2", "b3"].map((n) => world.node(n).factsOf("broker-state").at(-1)?.state);
  const isr = world.node("c100").factsOf("partition-decided").slice(-12).map((f) => `${f.partition}:${f.leader}[${f.isr}]`);
  const changes = world.node("c100").factsOf("partition-decided").length;
  const trunc = names.flatMap((n) => world.node(n).factsOf("truncated").filter((f) => f.partition.startsWith("t-"))).length;
  return { seed, created: (created as { kind?: string })?.kind ?? created, acked: acked.length, failed, open, lost: lost.length, dup, read: values.length, faults, exits, hung: hung.join(), errors: [...errors].join(" "), changes, trunc, isr };
}

for (const flavour of ["power"]) {
  test(flavour, () => {
    for (let seed = Number(process.env.FROM ?? 1); seed <= Number(process.env.TO ?? 30); seed++) {
      const t = performance.now();
      let r;
      try { r = run(seed, flavour); } catch (e) { console.log(flavour, seed, (e as Error).stack?.split("\n").slice(0, 12).join("\n")); continue; }
      const bad = r.lost > 0 || r.open > 0 || r.hung !== "RUNNING,RUNNING,RUNNING" || r.dup > 0;
      const { isr, ...short } = r;
      if (bad || process.env.V || seed % 50 === 0) console.log(flavour, bad ? "BAD" : "ok", JSON.stringify(bad ? r : short), Math.round(performance.now() - t) + "ms");
    }
    expect(1).toBe(1);
  }, 600000);
}
