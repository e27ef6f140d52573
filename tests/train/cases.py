"""Problems with known solutions, one for each kind of equation and condition that the solver takes."""

CASES = {
    "heat, Robin and Neumann ends": """
find: u(x, t)
domain: {x: [0, 1], t: [0, 1]}
equation: u_t = u_xx + g
where: {g: 3*exp(-t)*cos(2*x) - 2}
initial: u = cos(2*x) + x^2
boundary:
  x = 0: u_n + 2*u = 2*exp(-t)
  x = 1: u_n = -2*exp(-t)*sin(2) + 2
exact: u = exp(-t)*cos(2*x) + x^2
""",
    "heat, radiating end": """
find: u(x, t)
domain: {x: [0, 1], t: [0, 1]}
equation: u_t = u_xx + g
where: {g: cos(t)*x^2 - 2*(2 + sin(t))}
initial: u = 2*x^2
boundary:
  x = 0: u_n = 0
  x = 1: u_n + u^4 = 2*(2 + sin(t)) + (2 + sin(t))^4
exact: u = (2 + sin(t))*x^2
""",
    "heat, time named first": """
find: u(t, x)
domain: {t: [0, 1], x: [0, 1]}
equation: u_t = u_xx
initial: u = sin(pi*x)
boundary: u = 0
exact: u = exp(-pi^2*t)*sin(pi*x)
""",
    "heat, SI units": """
find: u(x, t)
domain: {x: [0, 0.001], t: [0, 0.05]}
equation: u_t = a*u_xx
where: {a: 1e-6}
initial: u = 300 + 50*sin(1000*pi*x)
boundary: u = 300
exact: u = 300 + 50*exp(-1000000*pi^2*a*t)*sin(1000*pi*x)
""",
    "heat from rest": """
find: u(x, t)
domain: {x: [0, 1], t: [0, 1]}
equation: u_t = u_xx + (1 + pi^2*t)*sin(pi*x)
initial: u = 0
boundary: u = 0
exact: u = t*sin(pi*x)
""",
    "advection": """
find: u(x, t)
domain: {x: [0, 1], t: [0, 1]}
equation: u_t + u_x = 0
initial: u = exp(-x)
boundary:
  x = 0: u = exp(t)
exact: u = exp(t - x)
""",
    "Klein-Gordon": """
find: u(x, t)
domain: {x: [0, pi], t: [0, 2]}
equation: u_tt - u_xx + m^2*u = 0
where: {m: 3}
initial: u = sin(2*x), u_t = 0
boundary: u = 0
exact: u = cos(sqrt(4 + m^2)*t)*sin(2*x)
""",
    "vibrating beam": """
find: u(x, t)
domain: {x: [0, 1], t: [0, 0.2]}
equation: u_tt + u_xxxx = 0
initial: u = sin(pi*x), u_t = 0
boundary: u = 0, u_xx = 0
exact: u = cos(pi^2*t)*sin(pi*x)
tolerance: 1e-8  # the round-off of u_xxxx allows some 1e-10
""",
    "periodic along the first coordinate": """
find: u(x, y)
domain: {x: [0, 2*pi], y: [0, 1]}
equation: -lap(u) + u = f
where: {s: exp(sin(x))*cos(y), f: s - lap(s)}
boundary:
  x: periodic
  y = 0: u = exp(sin(x))
  y = 1: u_n = -exp(sin(x))*sin(1)
exact: u = exp(sin(x))*cos(y)
""",
    "periodic along both coordinates": """
find: u(x, y)
domain: {x: [0, 2*pi], y: [0, 2*pi]}
equation: -lap(u) + u = f
where: {s: exp(sin(x))*cos(y), f: s - lap(s)}
boundary:
  x: periodic
  y: periodic
exact: u = exp(sin(x))*cos(y)
""",
    "Laplace, a nonlinear and a Neumann face": """
find: u(x, y)
domain: {x: [0, 1], y: [0, 1]}
equation: -lap(u) = 0
boundary:
  x = 0: u = exp(y)
  x = 1: u_n + u^3 = -exp(y)*sin(1) + exp(3*y)*cos(1)^3
  y = 0: u = cos(x)
  y = 1: u_n = exp(1)*cos(x)
exact: u = exp(y)*cos(x)
""",
    "clamped plate": """
find: u(x, y)
domain: {x: [0, 1], y: [0, 1]}
equation: lap(lap(u)) = f
where: {f: 4*pi^4*(4*cos(2*pi*x)*cos(2*pi*y) - cos(2*pi*x) - cos(2*pi*y))}
boundary: u = 0, u_n = 0
exact: u = sin(pi*x)^2*sin(pi*y)^2
""",
    "boundary layer in one coordinate": """
find: u(x)
domain: {x: [0, 1]}
equation: -eps*u_xx + u_x = 1
where: {eps: 1e-3}
boundary: u = 0
exact: u = x - (exp((x - 1)/eps) - exp(-1/eps))/(1 - exp(-1/eps))
""",
    "two fields that react and diffuse": """
find: u(x, t), v(x, t)
domain: {x: [0, 1], t: [0, 1]}
equations:
  first: u_t = u_xx/10 - u*v + f
  second: v_t = v_xx/5 + u*v - v + g
where:
  p: exp(-t)*cos(pi*x)
  q: 2 + sin(t)*cos(2*pi*x)
  f: (pi^2/10 - 1)*p + p*q
  g: cos(t)*cos(2*pi*x) + 4*pi^2/5*sin(t)*cos(2*pi*x) - p*q + q
initial: u = cos(pi*x), v = 2
boundary: u_n = 0, v_n = 0
exact: u = exp(-t)*cos(pi*x), v = 2 + sin(t)*cos(2*pi*x)
""",
    "wave as a system of first order": """
find: u(x, t), v(x, t)
domain: {x: [0, 2*pi], t: [0, 1]}
equations:
  first: u_t = v_x
  second: v_t = u_x
initial: u = sin(x), v = 0
boundary:
  x: periodic
exact: u = sin(x)*cos(t), v = cos(x)*sin(t)
""",
    "Stokes flow, pressure fixed at a point": """
find: u(x, y), v(x, y), p(x, y)
domain: {x: [0, 1], y: [0, 1]}
equations:
  momentum x: -lap(u) + p_x = 2*x
  momentum y: -lap(v) + p_y = 2*y
  continuity: u_x + v_y = 0
boundary: u = exp(x)*cos(y), v = -exp(x)*sin(y)
constraints:
  pressure level: p(1/2, 1/2) = 1/2
exact: u = exp(x)*cos(y), v = -exp(x)*sin(y), p = x^2 + y^2
""",
    "dispersion, third order": """
find: u(x, t)
domain: {x: [0, 2*pi], t: [0, 1]}
equation: u_t + u_xxx = 0
initial: u = sin(x)
boundary:
  x: periodic
exact: u = sin(x + t)
""",
    "decay in time alone": """
find: u(t)
domain: {t: [0, 5]}
equation: u_t = -u
initial: u = 1
exact: u = exp(-t)
""",
    "pendulum in time alone": """
find: u(t)
domain: {t: [0, 3]}
equation: u_tt + sin(u) = sin(cos(t)) - cos(t)
initial: u = 1, u_t = 0
exact: u = cos(t)
""",
    "zero": """
find: u(x, t)
domain: {x: [0, 1], t: [0, 1]}
equation: u_t = u_xx
initial: u = 0
boundary: u = 0
exact: u = 0*x
""",
}
