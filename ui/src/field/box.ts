// What the phone keeps (IndexedDB): deeds with their files until they are sent, what was taken
// along, drafts. Used by the page and by the service worker, so nothing of the page stands here.
const NAME = "tianmu-field";
export const STORES = ["deeds", "files", "kept", "drafts"] as const;
export type Store = (typeof STORES)[number];

let opened: Promise<IDBDatabase> | null = null;

function open(): Promise<IDBDatabase> {
  opened ??= new Promise<IDBDatabase>((resolve, reject) => {
    const asked = indexedDB.open(NAME, 1);
    asked.onupgradeneeded = (): void => {
      const deeds = asked.result.createObjectStore("deeds", { keyPath: "number", autoIncrement: true });
      deeds.createIndex("id", "id", { unique: true });
      for (const name of ["files", "kept", "drafts"]) asked.result.createObjectStore(name);
    };
    asked.onsuccess = (): void => {
      // another page wipes everything at sign-out: it must not wait for this one
      asked.result.onversionchange = (): void => shut();
      asked.result.onclose = (): void => void (opened = null);
      resolve(asked.result);
    };
    asked.onerror = (): void => reject(asked.error);
  });
  opened.catch(() => (opened = null));
  return opened;
}

function shut(): void {
  void opened?.then((db) => db.close());
  opened = null;
}

/** One transaction over `stores`; resolves when it is on the disk, with what `work` gave. */
export async function within<T>(stores: Store[], mode: IDBTransactionMode, work: (of: (name: Store) => IDBObjectStore) => T): Promise<T> {
  const db = await open();
  return new Promise<T>((resolve, reject) => {
    const tx = db.transaction(stores, mode, { durability: "strict" });
    let result: T;
    tx.oncomplete = (): void => resolve(result);
    tx.onabort = tx.onerror = (): void => reject(tx.error ?? new Error("the phone's store gave up"));
    try {
      result = work((name) => tx.objectStore(name));
    } catch (reason) {
      tx.abort();
      reject(reason);
    }
  });
}

async function one<T>(store: Store, ask: (of: IDBObjectStore) => IDBRequest): Promise<T> {
  const asked = await within([store], "readonly", (of) => ask(of(store)));
  return asked.result as T;
}

export const get = <T>(store: Store, key: IDBValidKey): Promise<T | undefined> => one(store, (of) => of.get(key) as IDBRequest);
export const all = <T>(store: Store): Promise<T[]> => one(store, (of) => of.getAll());
export const put = (store: Store, key: IDBValidKey, value: unknown): Promise<unknown> => within([store], "readwrite", (of) => of(store).put(value, key));
export const remove = (store: Store, key: IDBValidKey): Promise<unknown> => within([store], "readwrite", (of) => of(store).delete(key));

/** Forget what was taken along and drafted by anybody; deeds that wait stay. */
export const forget = (): Promise<unknown> =>
  within(["kept", "drafts"], "readwrite", (of) => {
    of("kept").clear();
    of("drafts").clear();
  });

/** Forget everything. */
export async function wipe(): Promise<void> {
  await within([...STORES], "readwrite", (of) => STORES.forEach((name) => of(name).clear()));
}
