import asyncio, os, signal
from pathlib import Path
import pytest
from common_compute_connector.protocol import LivePart
OUT = Path("/tmp/slurm/rec"); OUT.mkdir(exist_ok=True)

async def watch(house, run, prefix, until, seconds=200, index=0, do=None):
    seen=set()
    async with asyncio.timeout(seconds):
        while True:
            await house.connector.observe([LivePart(run.part, list(run.part.indices))])
            raw = house.told.answers[-1].stdout
            lines = raw.decode().splitlines()
            q=[l.split("\t") for l in lines if l.startswith("q\t")]
            a=[l.split("\t",1)[1].split("|")[1] for l in lines if l.startswith("a\t")]
            word = "+".join(sorted({x[4] for x in q})) + ("-" + "+".join(x.replace(" ","_") for x in a) if a else "") or "none"
            word += "-" + "+".join(sorted({x[10].replace(" ","_").replace("/","") for x in q}))
            word += f"-r{q[0][5]}" if q else ""
            if word not in seen:
                seen.add(word)
                (OUT / f"{prefix}.{len(seen)}.{word[:120]}").write_bytes(raw)
            if until in word: return
            if do: await do()
            await house.clock.sleep(0.15)

async def test_a(make_house, cluster):
    house = make_house(cluster)
    async def one(prefix, until, *command, count=1, act=None, seconds=200, **m):
        spec = house.spec(*command, **({"array":{"count":count}} if count>1 else {}), **m)
        run = await house.submit(spec, count)
        if act: await act(house, run)
        await watch(house, run, prefix, until, seconds)
        return run
    await one("completed","COMPLETED","true")
    await one("exit3","FAILED","sh","-c","exit 3")
    await one("sig11","FAILED","sh","-c","kill -11 $$")
    await one("oom","OUT_OF_MEMORY","sh","-c","head -c 200000000 /dev/zero | tail -c 150000000 >/dev/null; exit 0",resources={"memory_bytes":64*1024*1024})
    async def cancel(h, r):
        await h.until(r,"running"); await h.clock.sleep(1); await h.connector.cancel([r.live])
    await one("cancelrun","CANCELLED_by","sleep","60",act=cancel)
    async def rootcancel(h, r):
        await h.until(r,"running"); cluster.as_root("scancel", h.job_of(r))
    await one("rootcancel","CANCELLED_by_0","sleep","60",act=rootcancel)
    async def suspend(h, r):
        await h.until(r,"running"); cluster.as_root("scontrol","suspend", h.job_of(r))
    r=await one("suspended","SUSPENDED","sleep","5",act=suspend)
    cluster.as_root("scontrol","resume", house.job_of(r))
    async def requeue(h, r):
        await h.until(r,"running"); await h.clock.sleep(1); await h.as_user(f"scontrol requeue {h.job_of(r)}")
    async def now():
        await house.as_user(f"scontrol update JobId={house.job_of(r)} StartTime=now")
    r = await house.submit(house.spec("sleep","4")); await requeue(house,r)
    await watch(house, r, "requeue", "COMPLETED", do=None if False else now)
    async def hold(h, r):
        await h.until(r,"running"); await h.clock.sleep(1); await h.as_user(f"scontrol requeuehold {h.job_of(r)}")
    r = await one("requeuehold","JobHeld","sleep","4",act=hold)
    await house.connector.cancel([LivePart(r.part,[0])])
    await one("array","COMPLETED-","sh","-c","sleep 3; true",count=20)
    # a job that cannot be started
    h2 = make_house(cluster)
    h2.install("sbatch", '#!/bin/sh\nfor w; do shift; case $w in --output=*) w=--output=/nowhere/x;; esac; set -- "$@" "$w"; done\nexec /usr/bin/sbatch "$@"\n')
    r = await h2.submit(h2.spec("true"))
    await watch(h2, r, "cannotstart", "FAILED")
    h3 = make_house(cluster, options=["--begin=now+40"])
    r = await h3.submit(h3.spec("true")); await watch(h3, r, "begin", "BeginTime")
    await h3.connector.cancel([LivePart(r.part,[0])]); await watch(h3, r, "cancelpending", "CANCELLED_by")
    h4 = make_house(cluster, options=["--hold"])
    r = await h4.submit(h4.spec("true")); await watch(h4, r, "hold", "JobHeldUser")

async def test_b(make_house, cluster, unaccounted):
    house = make_house(cluster)
    r = await house.submit(house.spec("sleep","300",resources={"wall_time_seconds":60}))
    h = make_house(cluster, options=["--deadline=now+2minutes","--time-min=1"])
    try:
        r2 = await h.submit(h.spec("sleep","1",resources={"wall_time_seconds":60}))
        await h.as_user(f"scontrol hold {h.job_of(r2)}")
    except AssertionError as e:
        print(e); r2=None
    await watch(house, r, "timeout", "TIMEOUT")
    house.install("squeue","#!/bin/sh\n")
    await watch(house, r, "timeoutbooks", "TIMEOUT")
    if r2:
        try: await watch(h, r2, "deadline", "DEADLINE", 150)
        except TimeoutError as e: print("no deadline")
    u = make_house(unaccounted)
    b = await u.submit(u.spec("true", resources={"wall_time_seconds": 90_000_000})); await watch(u, b, "partition","Partition")

async def test_c(make_house, cluster):
    lasting, anew = make_house(cluster, requeue=False), make_house(cluster, requeue=True)
    a = await lasting.until(await lasting.submit(lasting.spec("sleep","400")),"running")
    b = await anew.until(await anew.submit(anew.spec("sleep","400")),"running")
    os.kill(cluster.processes()[f"slurmd-{a.task.resolved.host}"], signal.SIGKILL)
    other = cluster.processes()
    try:
        await watch(lasting, a, "nodefail", "NODE_FAIL")
        lasting.install("squeue","#!/bin/sh\n")
        await watch(lasting, a, "nodefailbooks", "NODE_FAIL")
        await watch(anew, b, "noderequeue", "PENDING")
    finally:
        cluster.mend()
    async def now():
        await anew.as_user(f"scontrol update JobId={anew.job_of(b)} StartTime=now")
    # pin to the node where it still runs
    await anew.as_user(f"scontrol update JobId={anew.job_of(b)} ReqNodeList={a.task.resolved.host}")
    try:
        await watch(anew, b, "duplicate", "launch", 60, do=now)
    finally:
        cluster.mend()
