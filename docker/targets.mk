# Targets that need a container engine; included by the Makefile.

.PHONY: docker-image docker-test1 docker-test2 docker-lecture docker-duel docker-durable \
    docker-lab docker-faults docker-kill docker-cut docker-pause docker-partition docker-ready \
    docker-sync docker-ring docker-member1 docker-member2 docker-member3 docker-member4 docker-clean \
    docker-lab-test1 docker-lab-test2 docker-lab-ready docker-lab-member1 docker-lab-member2 \
    docker-lab-member3 docker-lab-member4 swarm-test judge-them judge-them-test kubernetes

docker-image:
	@docker/image.sh

docker-test1:
	@docker/scenario.sh synod-test1 compose/testcase1.yml hostsfile-testcase1.txt X

docker-test2:
	@docker/scenario.sh synod-test2 compose/testcase2.yml hostsfile-testcase2.txt X

docker-lecture:
	@docker/scenario.sh synod-lecture compose/lecture.yml hostsfile-lecture.txt X

docker-duel:
	@docker/scenario.sh synod-duel compose/duel.yml hostsfile-testcase2.txt

docker-durable:
	@docker/scenario.sh synod-durable compose/testcase2-durable.yml hostsfile-testcase2.txt X

# Files in the shape of the labs' own, unmodified but for the image's name. They name their
# containers, so an engine runs only one at a time; a second run is refused.
docker-lab: docker-lab-test1 docker-lab-test2 docker-lab-ready \
    docker-lab-member1 docker-lab-member2 docker-lab-member3 docker-lab-member4

docker-lab-test1 docker-lab-test2:
	@docker/scenario.sh synod-$(@:docker-%=%) \
	    compose/lab/prj4/docker-compose-testcase-$(@:docker-lab-test%=%).yml \
	    hostsfile-$(@:docker-lab-test%=testcase%).txt X

docker-lab-ready:
	@protocol=ready docker/scenario.sh synod-lab-ready compose/lab/prj1/docker-compose.yml \
	    hostsfile.txt

docker-faults: docker-kill docker-cut docker-pause docker-partition

docker-kill docker-cut docker-pause docker-partition:
	@docker/fault.sh $(@:docker-%=%)

# The last peer starts two seconds late.
docker-ready:
	@protocol=ready late=peer1 docker/scenario.sh synod-ready compose/ready.yml hostsfile.txt

# The last in the chain starts two seconds late.
docker-sync:
	@protocol=sync late=peer3 docker/scenario.sh synod-sync compose/sync.yml hostsfile-sync.txt

# Request, quit, kill, request.
docker-ring:
	@docker/ring.sh

# The judge must know who is to crash, and who is to be removed on request.
docker-member1 docker-lab-member1: judge := member
docker-member2 docker-lab-member2: judge := member -c 5
docker-member3 docker-lab-member3: judge := member -c 2,3,4,5
docker-member4 docker-lab-member4: judge := member -t

docker-member1 docker-member2 docker-member3 docker-member4:
	@protocol='$(judge)' docker/scenario.sh synod-$(@:docker-%=%) \
	    compose/$(@:docker-%=%).yml hostsfile-member.txt

docker-lab-member1 docker-lab-member2 docker-lab-member3 docker-lab-member4:
	@protocol='$(judge)' docker/scenario.sh synod-$(@:docker-%=%) \
	    compose/lab/prj3/docker-compose-testcase-$(@:docker-lab-member%=%).yml \
	    hostsfile-member.txt

# Three engines of its own; needs root, and nothing of this machine's engine but the programs.
swarm-test:
	@docker/swarm.sh

# Somebody else's image of the lab: IMAGE=name. Four minutes.
judge-them:
	@IMAGE='$(IMAGE)' CASES='$(CASES)' docker/judge_them.sh

# Two such images, a right one and a wrong one; needs Go.
judge-them-test:
	@tests/them/images.sh
	@IMAGE=synod-them-right docker/judge_them.sh
	@! IMAGE=synod-them-wrong docker/judge_them.sh
	@docker rmi synod-them-right synod-them-wrong >/dev/null

kubernetes:
	@deploy/kubernetes/validate.sh

# By project name. The images stay.
docker-clean:
	@docker/clean.sh
