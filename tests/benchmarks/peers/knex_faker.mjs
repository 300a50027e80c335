// knex `batchInsert` in one transaction, with @faker-js/faker.
import { faker } from "@faker-js/faker";
import knex from "knex";

const [, , host, port, user, password, database, rows] = process.argv;
const db = knex({ client: "mysql2", connection: { host, port: +port, user, password, database } });
const kinds = ["DISPENSARY", "RETAIL", "DELIVERY", "DISTRIBUTOR", "OTHER"];
const tags = ['["regular"]', '["regular", "net terms"]', '["whale", "priority"]', '["supplier"]'];
const day = (n) => new Date(1672531200000 + ((n * 17) % 1500000) * 60000);
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
  is_brand: n % 21 === 0,
  is_referee: n % 6 === 0,
  is_contractor: n % 25 === 4,
  created_at: day(n),
  updated_at: day(n),
  preferredContact: faker.helpers.arrayElement(["EMAIL", "PHONE", "TEXT", "ANY"]),
  payment_terms: faker.helpers.arrayElement([0, 7, 15, 30]),
  tags: faker.helpers.arrayElement(tags),
  credit_limit: faker.number.int({ min: 20000, max: 150000 }),
  credit_limit_updated_at: day(n + 90),
  creditLimitSource: n % 20 === 0 ? "MANUAL" : "CALCULATED",
  credit_limit_override_reason: n % 20 === 0 ? "Raised after a year" : null,
  vip_portal_enabled: n % 13 === 0,
  vip_portal_last_login: n % 13 === 0 ? day(n + 300) : null,
  wishlist: faker.helpers.arrayElement([null, "New strains first"]),
  referred_by_client_id: null,
  total_spent: 0,
  total_profit: 0,
  avg_profit_margin: 0,
  total_owed: 0,
  oldest_debt_days: 0,
}));
await db.transaction((trx) => db.batchInsert("clients", clients, 1000).transacting(trx));
await db.destroy();
