// A round on the telephone: everything is encrypted (AES-256-GCM) with the server's key of this round, which the browser keeps for its
// session only. Names of entries carry numbers alone. Without the key the box is noise; it is wiped when the round is over.
const STORE = "box";
const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));

function asked(request) {
  return new Promise((done, failed) => {
    request.onsuccess = () => done(request.result);
    request.onerror = () => failed(request.error);
  });
}

async function database() {
  const opening = indexedDB.open("visits", 1);
  opening.onupgradeneeded = () => opening.result.createObjectStore(STORE, { keyPath: "id" });
  return asked(opening);
}

export class Box {
  constructor(round, key, store) { Object.assign(this, { round, key, store }); }

  static async open(round, secret) {
    const key = await crypto.subtle.importKey("raw", bytes(secret), "AES-GCM", false, ["encrypt", "decrypt"]);
    return new Box(round, key, await database());
  }

  // Whether anything lies there, readable or not.
  static async holds(round) {
    const store = await database();
    const ids = await asked(store.transaction(STORE).objectStore(STORE).getAllKeys());
    store.close();
    return ids.some((id) => id.startsWith(`${round}:`));
  }

  static async wipe(round) {
    const store = await database();
    const work = store.transaction(STORE, "readwrite").objectStore(STORE);
    for (const id of await asked(work.getAllKeys())) if (id.startsWith(`${round}:`)) await asked(work.delete(id));
    store.close();
  }

  name(name) { return `${this.round}:${name}`; }

  async put(name, value) {
    const iv = crypto.getRandomValues(new Uint8Array(12));
    const id = this.name(name);
    const told = { name: "AES-GCM", iv, additionalData: new TextEncoder().encode(id) };
    const data = await crypto.subtle.encrypt(told, this.key, new TextEncoder().encode(JSON.stringify(value)));
    await asked(this.store.transaction(STORE, "readwrite").objectStore(STORE).put({ id, iv, data }));
  }

  async read(row) {
    const told = { name: "AES-GCM", iv: row.iv, additionalData: new TextEncoder().encode(row.id) };
    return JSON.parse(new TextDecoder().decode(await crypto.subtle.decrypt(told, this.key, row.data)));
  }

  async get(name) {
    const row = await asked(this.store.transaction(STORE).objectStore(STORE).get(this.name(name)));
    return row ? this.read(row) : null;
  }

  async all(prefix) {
    const rows = await asked(this.store.transaction(STORE).objectStore(STORE).getAll());
    return Promise.all(rows.filter((row) => row.id.startsWith(this.name(prefix))).map((row) => this.read(row)));
  }

  async drop(name) { await asked(this.store.transaction(STORE, "readwrite").objectStore(STORE).delete(this.name(name))); }
}
