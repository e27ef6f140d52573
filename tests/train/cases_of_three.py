"""Problems in three coordinates with known solutions: two in space and time, and three in space."""

THREE = {
    "Laplace in a box, Neumann and Robin faces": """
find: u(x, y, z)
domain: {x: [0, 1], y: [0, 2], z: [0, 1]}
equation: -lap(u) = 0
boundary:
  x = 0: u = sin(y)*exp(z)
  x = 1: u_n + 2*u = 2*sin(y)*exp(z)
  y = 0: u_n = -exp(z)
  y = 2: u = sin(2)*exp(z)
  z = 0: u_n = -sin(y)
  z = 1: u = sin(y)*exp(1)
exact: u = sin(y)*exp(z)
""",
    "a coefficient that varies, nonlinear": """
find: u(x, y, z)
domain: {x: [0, 1], y: [0, 1], z: [0, 1]}
equation: -div(a*grad(u)) + exp(u) = f
where: {a: 1 + x*y/2 + sin(z)/4, s: sin(x + y*z), f: -div(a*grad(s)) + exp(s)}
boundary: u = s
exact: u = sin(x + y*z)
""",
    "periodic along one of three": """
find: u(x, y, z)
domain: {x: [0, 2*pi], y: [0, 1], z: [0, 1]}
equation: -lap(u) = f
where: {s: exp(sin(x))*cos(y*z), f: -lap(s)}
boundary:
  x: periodic
  elsewhere: u = s
exact: u = exp(sin(x))*cos(y*z)
""",
    "periodic along all three": """
find: u(x, y, z)
domain: {x: [0, 2*pi], y: [0, 2*pi], z: [0, 2*pi]}
equation: -lap(u) + u = f
where: {s: exp(sin(x) + cos(y))*cos(z), f: s - lap(s)}
boundary:
  x: periodic
  y: periodic
  z: periodic
exact: u = exp(sin(x) + cos(y))*cos(z)
""",
    "waves on a membrane, time named first": """
find: u(t, x, y)
domain: {t: [0, 0.3], x: [0, 1], y: [0, 1]}
equation: u_tt = lap(u)
initial: u = sin(pi*x)*sin(2*pi*y), u_t = 0
boundary: u = 0
exact: u = cos(sqrt(5)*pi*t)*sin(pi*x)*sin(2*pi*y)
""",
    "shear flow, periodic between walls": """
find: u(x, y, t)
domain: {x: [0, 2*pi], y: [0, 1], t: [0, 1]}
equation: u_t + y*u_x = lap(u)/10 + f
where: {s: sin(x - t)*y*(1 - y), f: s_t + y*s_x - lap(s)/10}
initial: u = s
boundary:
  x: periodic
  elsewhere: u = 0
exact: u = sin(x - t)*y*(1 - y)
""",
    "radiating side": """
find: u(x, y, t)
domain: {x: [0, 1], y: [0, 1], t: [0, 0.2]}
equation: u_t = lap(u) + f
where: {s: 1 + exp(-t)*x^2*y/4, f: s_t - lap(s)}
initial: u = s
boundary:
  x = 1: u_n + u^4 = exp(-t)*y/2 + s^4
  elsewhere: u = s
exact: u = 1 + exp(-t)*x^2*y/4
""",
    "two fields on a square": """
find: u(x, y, t), v(x, y, t)
domain: {x: [0, 1], y: [0, 1], t: [0, 0.5]}
equations:
  first: u_t = lap(u)/10 - u*v + f
  second: v_t = lap(v)/5 + u*v - v + g
where:
  p: exp(-t)*cos(x)*cos(y)
  q: 2 + sin(t)*cos(x)
  f: p_t - lap(p)/10 + p*q
  g: q_t - lap(q)/5 - p*q + q
initial: u = p, v = q
boundary: u = p, v = q
exact: u = exp(-t)*cos(x)*cos(y), v = 2 + sin(t)*cos(x)
""",
    "sound as a system of first order": """
find: u(x, y, t), v(x, y, t), w(x, y, t)
domain: {x: [0, 2*pi], y: [0, 2*pi], t: [0, 1]}
equations:
  first: u_t = v_x + w_y
  second: v_t = u_x
  third: w_t = u_y
initial: u = sin(x + y), v = 0, w = 0
boundary:
  x: periodic
  y: periodic
exact: u = sin(x + y)*cos(sqrt(2)*t), v = cos(x + y)*sin(sqrt(2)*t)/sqrt(2), w = cos(x + y)*sin(sqrt(2)*t)/sqrt(2)
""",
}
