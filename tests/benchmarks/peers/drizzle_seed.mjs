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
});

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
      created_at: f.date({ minDate: "2023-01-01", maxDate: "2025-12-31" }),
    },
  },
}));
await connection.end();
