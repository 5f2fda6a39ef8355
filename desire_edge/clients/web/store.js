/** What stays over a reload: values by key in this browser's IndexedDB. Where it has none, nothing stays. */

const opened = new Promise((resolve) => {
  const request = indexedDB.open("desire-edge", 1);
  request.onupgradeneeded = () => request.result.createObjectStore("values");
  request.onsuccess = () => resolve(request.result);
  request.onerror = () => resolve(null); // private windows of some browsers
}).catch(() => null); // or it throws at once, or does not exist

/** The value stored under `key`, or undefined. */
export async function load(key) {
  return run("readonly", (store) => store.get(key));
}

/** Store `value`, anything that can be cloned; undefined removes it. */
export async function save(key, value) {
  return run("readwrite", (store) => (value === undefined ? store.delete(key) : store.put(value, key)));
}

async function run(mode, act) {
  const database = await opened;
  if (!database) return undefined;
  return new Promise((resolve) => {
    const transaction = database.transaction("values", mode);
    const request = act(transaction.objectStore("values"));
    transaction.commit(); // at once: the page may be closed right after
    transaction.oncomplete = () => resolve(request.result);
    transaction.onabort = () => resolve(undefined); // the disk is full: the page goes on without
  }).catch(() => undefined); // the database was closed, or the value cannot be stored
}
