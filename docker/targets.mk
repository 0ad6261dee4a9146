# Everything that needs a container engine; included by the Makefile.

.PHONY: docker-image docker-test1 docker-test2 docker-lecture docker-duel docker-durable \
    docker-lab docker-faults docker-kill docker-cut docker-pause docker-partition docker-clean

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

# Files in the shape of the lab's own, as they are.
docker-lab:
	@docker/scenario.sh synod-lab1 compose/lab/docker-compose-testcase-1.yml \
	    hostsfile-testcase1.txt X
	@docker/scenario.sh synod-lab2 compose/lab/docker-compose-testcase-2.yml \
	    hostsfile-testcase2.txt X

docker-faults: docker-kill docker-cut docker-pause docker-partition

docker-kill docker-cut docker-pause docker-partition:
	@docker/fault.sh $(@:docker-%=%)

# By project name. The image stays.
docker-clean:
	@docker/clean.sh
