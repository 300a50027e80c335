// knex `batchInsert` in one transaction, with @faker-js/faker.
import { faker } from "@faker-js/faker";
import knex from "knex";

const [, , host, port, user, password, database, rows] = process.argv;
const db = knex({ client: "mysql2", connection: { host, port: +port, user, password, database } });
const kinds = ["DISPENSARY", "RETAIL", "DELIVERY", "DISTRIBUTOR", "OTHER"];
const terms = [0, 7, 15, 30];
faker.seed(1);

const clients = Array.from({ length: +rows }, (_, n) => ({
  teri_code: `PEER-${String(n).padStart(7, "0")}`,
  name: faker.company.name(),
  email: faker.internet.email(),
  phone: faker.phone.number(),
  address: faker.location.streetAddress(true),
  businessType: faker.helpers.arrayElement(kinds),
  is_buyer: true,
  is_seller: n % 7 === 0,
  payment_terms: faker.helpers.arrayElement(terms),
  credit_limit: faker.number.int({ min: 20000, max: 150000 }),
  created_at: new Date(1672531200000 + ((n * 17) % 1500000) * 60000),
}));
await db.transaction((trx) => db.batchInsert("clients", clients, 1000).transacting(trx));
await db.destroy();
