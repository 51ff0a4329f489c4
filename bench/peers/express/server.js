// The same work as videa's GET /api/v1/titles/{id}, made of the packages that Express users reach for: token check
// (jsonwebtoken), rate limit by user in Redis (express-rate-limit), cache in Redis, PostgreSQL behind it (pg).
import express from "express";
import { rateLimit } from "express-rate-limit";
import jwt from "jsonwebtoken";
import pg from "pg";
import { RedisStore } from "rate-limit-redis";
import { createClient } from "redis";

const env = process.env;
const database = new pg.Pool({ connectionString: env.DATABASE_URL, max: 5 });
const redis = await createClient({ url: env.REDIS_URL }).connect();
const app = express();
app.disable("x-powered-by");

function authenticate(request, response, next) {
  const [scheme, token] = (request.headers.authorization ?? "").split(" ");
  if (scheme !== "Bearer") return response.status(401).json({ error: "no token" });
  try {
    request.user = jwt.verify(token, env.JWT_ACCESS_SECRET, {
      algorithms: ["HS256"], issuer: env.JWT_ISSUER, audience: env.JWT_AUDIENCE,
    });
  } catch {
    return response.status(401).json({ error: "bad token" });
  }
  next();
}

const limiter = rateLimit({
  windowMs: 60_000,
  limit: Number(env.RATE_LIMIT),
  standardHeaders: "draft-6",
  legacyHeaders: false,
  keyGenerator: (request) => request.user.sub,
  store: new RedisStore({ prefix: "express:limit:", sendCommand: (...words) => redis.sendCommand(words) }),
});

async function read(id) {
  const { rows } = await database.query({ name: "title", text: `SELECT ${env.COLUMNS} FROM titles WHERE id = $1`, values: [id] });
  return rows.length ? JSON.stringify(rows[0]) : null;
}

app.get("/health/live", (_, response) => response.json({ status: "ok" }));
app.get("/api/v1/titles/:id", authenticate, limiter, async (request, response) => {
  const key = `express:title:${request.params.id}`;
  let body = await redis.get(key);
  if (body === null) {
    body = await read(request.params.id);
    if (body !== null) await redis.set(key, body, { EX: 60 });
  }
  if (body === null) return response.status(404).json({ error: "no such title" });
  response.type("json").send(body);
});

app.listen(Number(env.PORT), env.HOST ?? "127.0.0.1");
