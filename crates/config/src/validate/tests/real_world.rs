//! Objects as people write them, which must pass without a finding.

use super::accept;

#[test]
fn a_bookshop_in_block_style() {
    accept(
        r#"
apiVersion: networking.istio.io/v1beta1
kind: Gateway
metadata:
  name: shop-gateway
  namespace: shop
spec:
  selector:
    istio: ingressgateway
  servers:
    - port:
        number: 80
        name: http
        protocol: HTTP
      hosts:
        - "shop.example.com"
      tls:
        httpsRedirect: true
    - port:
        number: 443
        name: https
        protocol: HTTPS
      hosts:
        - "shop.example.com"
      tls:
        mode: SIMPLE
        credentialName: shop-cert
        minProtocolVersion: TLSV1_2
---
apiVersion: networking.istio.io/v1beta1
kind: VirtualService
metadata:
  name: shop
  namespace: shop
  annotations:
    kubectl.kubernetes.io/last-applied-configuration: |
      {"apiVersion":"networking.istio.io/v1beta1"}
spec:
  hosts:
    - shop.example.com
    - shop.shop.svc.cluster.local
  gateways:
    - shop-gateway
    - mesh
  http:
    - name: assets
      match:
        - uri:
            prefix: /static
        - uri:
            exact: /favicon.ico
          headers:
            cookie:
              regex: "^(.*?;)?(user=jason)(;.*)?$"
      rewrite:
        uri: /
      route:
        - destination:
            host: assets
            port:
              number: 9080
    - match:
        - uri:
            prefix: /api/v1/books
          method:
            exact: GET
      fault:
        delay:
          percentage:
            value: 0.1
          fixedDelay: 5s
      timeout: 10s
      retries:
        attempts: 3
        perTryTimeout: 2s
        retryOn: gateway-error,connect-failure,refused-stream
      corsPolicy:
        allowOrigins:
          - exact: https://example.com
        allowMethods: [POST, GET]
        allowCredentials: false
        allowHeaders: [X-Foo-Bar]
        maxAge: "24h"
      headers:
        request:
          set:
            test: "true"
        response:
          remove:
            - foo
      mirror:
        host: books-shadow
        subset: v2
      mirrorPercentage:
        value: 10.5
      route:
        - destination:
            host: books.shop.svc.cluster.local
            subset: v2
          weight: 25
        - destination:
            host: books.shop.svc.cluster.local
            subset: v1
          weight: 75
    - route:
        - destination:
            host: web
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata:
  name: books
  namespace: shop
spec:
  host: books
  trafficPolicy:
    loadBalancer:
      simple: LEAST_REQUEST
    connectionPool:
      tcp:
        maxConnections: 100
        connectTimeout: 30ms
        tcpKeepalive:
          time: 7200s
          interval: 75s
      http:
        http2MaxRequests: 1000
        maxRequestsPerConnection: 10
    outlierDetection:
      consecutive5xxErrors: 7
      interval: 5m
      baseEjectionTime: 15m
    portLevelSettings:
      - port:
          number: 9080
        loadBalancer:
          consistentHash:
            httpCookie:
              name: user
              ttl: 0s
  subsets:
    - name: v1
      labels:
        version: v1
    - name: v2
      labels:
        version: v2
      trafficPolicy:
        loadBalancer:
          simple: ROUND_ROBIN
---
apiVersion: networking.istio.io/v1alpha3
kind: ServiceEntry
metadata:
  name: payments
  namespace: shop
spec:
  hosts:
    - api.payments.example.com
  location: MESH_EXTERNAL
  ports:
    - number: 443
      name: https
      protocol: TLS
  resolution: DNS
---
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata:
  name: default
  namespace: shop
spec:
  egress:
    - hosts:
        - "./*"
        - "istio-system/*"
---
apiVersion: v1
kind: Service
metadata:
  name: books
  namespace: shop
  labels:
    app: books
spec:
  ports:
    - port: 9080
      name: http
      targetPort: http
  selector:
    app: books
"#,
    );
}
