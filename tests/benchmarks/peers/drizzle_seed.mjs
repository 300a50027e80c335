// drizzle-seed with a generator for each column.
import { boolean, datetime, decimal, int, mysqlTable, text, varchar } from "drizzle-orm/mysql-core";
import { drizzle } from "drizzle-orm/mysql2";
import { seed } from "drizzle-seed";
import mysql from "mysql2/promise";

const [, , host, port, user, password, database, rows] = process.argv;
const connection = await mysql.createConnection({ host, port: +port, user, password, database });
const db = drizzle(connection, { mode: "default" });
const clients = mysqlTable("clients", {
  id: int().autoincrement().primaryKey(),
  teri_code: varchar({ length: 50 }).notNull(),
  name: varchar({ length: 255 }).notNull(),
  email: varchar({ length: 320 }),
  phone: varchar({ length: 50 }),
  address: text(),
  businessType: varchar({ length: 20 }),
  is_buyer: boolean(),
  is_seller: boolean(),
  payment_terms: int(),
  credit_limit: decimal({ precision: 15, scale: 2 }),
  created_at: datetime().notNull(),
  updated_at: datetime().notNull(),
  preferredContact: varchar({ length: 10 }),
  is_brand: boolean(),
  is_referee: boolean(),
  is_contractor: boolean(),
  tags: text(),
  credit_limit_updated_at: datetime(),
  creditLimitSource: varchar({ length: 10 }),
  credit_limit_override_reason: text(),
  vip_portal_enabled: boolean(),
  vip_portal_last_login: datetime(),
  wishlist: text(),
  total_spent: decimal({ precision: 15, scale: 2 }),
  total_profit: decimal({ precision: 15, scale: 2 }),
  avg_profit_margin: decimal({ precision: 5, scale: 2 }),
  total_owed: decimal({ precision: 15, scale: 2 }),
  oldest_debt_days: int(),
});

const day = (f) => f.date({ minDate: "2023-01-01", maxDate: "2025-12-31" });

await seed(db, { clients }, { count: +rows, seed: 1 }).refine((f) => ({
  clients: {
    columns: {
      teri_code: f.string({ isUnique: true }),
      name: f.companyName(),
      email: f.email(),
      phone: f.phoneNumber({ template: "(###) 555-01##" }),
      address: f.streetAddress(),
      businessType: f.valuesFromArray({
        values: ["DISPENSARY", "RETAIL", "DELIVERY", "DISTRIBUTOR", "OTHER"],
      }),
      is_buyer: f.boolean(),
      is_seller: f.boolean(),
      payment_terms: f.valuesFromArray({ values: [0, 7, 15, 30] }),
      credit_limit: f.number({ minValue: 20000, maxValue: 150000, precision: 1 }),
      created_at: day(f),
      updated_at: day(f),
      preferredContact: f.valuesFromArray({ values: ["EMAIL", "PHONE", "TEXT", "ANY"] }),
      is_brand: f.boolean(),
      is_referee: f.boolean(),
      is_contractor: f.boolean(),
      tags: f.valuesFromArray({ values: ['["regular"]', '["whale", "priority"]'] }),
      credit_limit_updated_at: day(f),
      creditLimitSource: f.valuesFromArray({ values: ["MANUAL", "CALCULATED"] }),
      credit_limit_override_reason: f.valuesFromArray({ values: ["Raised after a year", "-"] }),
      vip_portal_enabled: f.boolean(),
      vip_portal_last_login: day(f),
      wishlist: f.valuesFromArray({ values: ["New strains first", "Larger outdoor lots"] }),
      total_spent: f.default({ defaultValue: "0" }),
      total_profit: f.default({ defaultValue: "0" }),
      avg_profit_margin: f.default({ defaultValue: "0" }),
      total_owed: f.default({ defaultValue: "0" }),
      oldest_debt_days: f.default({ defaultValue: 0 }),
    },
  },
}));
await connection.end();
