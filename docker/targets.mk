# Everything that needs a container engine; included by the Makefile.

.PHONY: docker-image docker-test1 docker-test2 docker-lecture docker-duel docker-durable \
    docker-lab docker-faults docker-kill docker-cut docker-pause docker-partition docker-ready \
    docker-member1 docker-member2 docker-member3 docker-member4 docker-clean

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

# Files in the shape of the lab's own, as they are but for the image's name. They name their
# containers, so only one run at a time fits on an engine; another is refused.
docker-lab:
	@docker/scenario.sh synod-lab1 compose/lab/docker-compose-testcase-1.yml \
	    hostsfile-testcase1.txt X
	@docker/scenario.sh synod-lab2 compose/lab/docker-compose-testcase-2.yml \
	    hostsfile-testcase2.txt X

docker-faults: docker-kill docker-cut docker-pause docker-partition

docker-kill docker-cut docker-pause docker-partition:
	@docker/fault.sh $(@:docker-%=%)

# The last peer comes two seconds late.
docker-ready:
	@protocol=ready late=peer1 docker/scenario.sh synod-ready compose/ready.yml hostsfile.txt

docker-member1:
	@protocol=member docker/scenario.sh synod-member1 compose/member1.yml hostsfile.txt

docker-member2:
	@protocol='member -c 5' docker/scenario.sh synod-member2 compose/member2.yml hostsfile.txt

docker-member3:
	@protocol='member -c 2,3,4,5' docker/scenario.sh synod-member3 compose/member3.yml hostsfile.txt

docker-member4:
	@protocol='member -t' docker/scenario.sh synod-member4 compose/member4.yml hostsfile.txt

# By project name. The image stays.
docker-clean:
	@docker/clean.sh
